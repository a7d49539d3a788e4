import { PotterError } from '../errors/potter-error.ts';
import type { Generation } from './projection-store.ts';
import type { ProjectionIdentity } from './projection.ts';

/** PostgreSQL cuts names at 63 bytes without a word; the number of a generation has to fit behind. */
const TABLE = /^(?:[a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,49}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** What a table of a projection is called in a generation. */
export function tableIn(
  { role, generation }: Pick<Generation, 'role' | 'generation'>,
  name: string,
): string {
  return role === 'live' ? name : `${name}__g${generation}`;
}

/** @throws PotterError `INVALID_ARGUMENT` for names that cannot be stored, or cannot be those of tables. */
export function assertProjection({ name, version, tables }: ProjectionIdentity): void {
  if (!NAME.test(name)) {
    throw invalid(`'${name.slice(0, 120)}' is not a name for a projection.`, {
      remedy: 'Use up to 100 letters, digits, dashes, dots and underscores.',
      details: { name },
    });
  }
  if (!Number.isSafeInteger(version) || version < 1 || version > 2_147_483_647) {
    throw invalid(`The version of projection '${name}' is ${version}.`, {
      remedy: 'Count versions 1, 2, 3.',
      details: { name, version },
    });
  }
  for (const table of tables.flatMap(({ name: own, like = own }) => [own, like])) {
    if (TABLE.test(table)) continue;
    throw invalid(`'${table.slice(0, 120)}' is not a table that projection '${name}' can have.`, {
      remedy:
        'Use lower-case letters, digits and underscores, at most 50 of them after the schema.',
      details: { name, table },
    });
  }
}

function invalid(
  message: string,
  rest: { readonly remedy: string; readonly details: Readonly<Record<string, unknown>> },
): PotterError {
  return new PotterError('INVALID_ARGUMENT', { message, ...rest });
}
