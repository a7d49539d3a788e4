import { isAbsolute } from 'node:path';

/**
 * What a package-lock.json says of where packages come from that only this machine can use: a registry's address, an absolute
 * path. A lockfile is for everybody, behind whatever mirror they sit.
 */
export function strayAddresses(lockfile: string): readonly string[] {
  const stray: string[] = [];
  JSON.parse(lockfile, (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    const path = value.replace(/^file:/u, '');
    if (isAbsolute(path) || path.startsWith('..')) stray.push(value);
    else if (key === 'resolved' && /^[a-z][a-z+]*:\/\//u.test(value)) stray.push(value);
    return value;
  });
  return stray;
}
