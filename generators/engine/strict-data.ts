/**
 * Data whose missing names are errors everywhere. Handlebars' own `strict` guards `{{name}}`, but takes a misspelt name in
 * `{{#if name}}`, `{{#each name}}` or a helper's argument for a blank.
 */
export function strictData<Data extends object>(data: Data, path = ''): Data {
  return new Proxy(data, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof key === 'symbol') return value;
      const name = path === '' ? key : `${path}.${key}`;
      if (value === undefined && !(key in target))
        throw new ReferenceError(`"${name}" is not defined`);
      return isPlain(value) ? strictData(value, name) : value;
    },
  });
}

/** Lists stay as they are: their items are looked at by number, and asking for a length is no mistake. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
