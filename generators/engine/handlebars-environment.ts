import Handlebars from 'handlebars';
import { camel, constant, kebab, pascal, snake } from './words.ts';

/** Code is not HTML, and a name that is missing is a bug of the template: never a blank. */
export const COMPILE_OPTIONS = { noEscape: true, strict: true } as const;

type Environment = ReturnType<typeof Handlebars.create>;

/**
 * A Handlebars of our own with our helpers: nothing is registered globally, so two engines in one process cannot meet.
 * The published bundle swaps `handlebars` for `handlebars/runtime`, which is why only members of both are used here.
 */
export function createHandlebars(): Environment {
  const handlebars = Handlebars.create();
  const words = { kebab, snake, camel, pascal, constant } as const;
  for (const [name, convert] of Object.entries(words)) {
    handlebars.registerHelper(name, (value: unknown) => convert(text(name, value)));
  }
  handlebars.registerHelper('upper', (value: unknown) => text('upper', value).toUpperCase());
  handlebars.registerHelper('lower', (value: unknown) => text('lower', value).toLowerCase());
  handlebars.registerHelper('json', (value: unknown) => JSON.stringify(value));
  handlebars.registerHelper('join', (list: unknown, separator: unknown) =>
    items('join', list).join(typeof separator === 'string' ? separator : ', '),
  );
  handlebars.registerHelper('eq', (left: unknown, right: unknown) => left === right);
  handlebars.registerHelper('not', (value: unknown) => !value);
  // Handlebars hands its own options object over as the last argument.
  handlebars.registerHelper('and', (...values: unknown[]) => values.slice(0, -1).every(Boolean));
  handlebars.registerHelper('or', (...values: unknown[]) => values.slice(0, -1).some(Boolean));
  handlebars.registerHelper('includes', (list: unknown, value: unknown) =>
    items('includes', list).includes(value),
  );
  handlebars.registerHelper('raw', (options: { fn: () => string }) => options.fn());
  return handlebars;
}

function text(helper: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`{{${helper}}} needs a string, got ${typeof value}`);
}

function items(helper: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`{{${helper}}} needs a list, got ${typeof value}`);
}
