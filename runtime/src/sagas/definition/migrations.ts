import type { SagaNode } from '../nodes/node.ts';
import { invalidDefinition } from './names.ts';

/** What has changed since an older version of a definition, as far as sagas under way in it have to know. */
export interface SagaMigration {
  /** New names of steps by their old ones. Keys of steps that were begun stay as they were, so no effect happens twice. */
  readonly rename?: Readonly<Record<string, string>>;
}

/** By version. */
export type Migrations = ReadonlyMap<number, Readonly<Record<string, string>>>;

/** @throws PotterError `SAGA_DEFINITION_INVALID` for a migration that leads nowhere. */
export function migrationsOf(
  saga: string,
  version: number,
  migrateFrom: Readonly<Record<number, SagaMigration>>,
  nodes: ReadonlyMap<string, SagaNode>,
): Migrations {
  return new Map(
    Object.entries(migrateFrom).map(([key, { rename = {} }]) => {
      const from = Number(key);
      if (!Number.isSafeInteger(from) || from < 1 || from >= version) {
        throw invalidDefinition(
          `Saga '${saga}' cannot migrate from version ${key} to version ${version}: that is no older one.`,
        );
      }
      const names = Object.values(rename);
      for (const name of names) {
        if (nodes.has(name) && names.indexOf(name) === names.lastIndexOf(name)) continue;
        throw invalidDefinition(
          `Saga '${saga}' renames a step of version ${key} to '${name}', which is ${nodes.has(name) ? 'the name of another one too' : 'no step of it'}.`,
        );
      }
      return [from, rename];
    }),
  );
}
