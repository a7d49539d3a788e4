import { PotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from './saga-definition.ts';

/** What a saga's keys are made from. */
export interface StartContext<Input> {
  /** What the saga is started with. */
  readonly input: Input;
}

/** The keys of a new saga, and whose they are. */
export interface LockKeys {
  /** Those it waits for itself; sorted, each once. */
  readonly locks: readonly string[];
  /** Those that the sagas around it hold for it. */
  readonly under: readonly string[];
}

/**
 * The keys that a new saga has to hold. What the sagas around it hold counts as its own. When they hold anything, they must
 * hold everything: a saga that held one key and waited for another could wait for ever, for one that waits for it.
 * @param under keys that the sagas around it hold
 * @throws PotterError `INVALID_ARGUMENT` for a key that cannot be one, or that the sagas around it do not hold.
 */
export function lockKeysOf(
  definition: SagaDefinition,
  input: unknown,
  under: readonly string[] = [],
): LockKeys {
  if (!definition.lock) return { locks: [], under };
  const asked = definition.lock({ input });
  const keys = [...new Set(typeof asked === 'string' ? [asked] : asked)];
  for (const key of keys) {
    if (typeof key === 'string' && key.length >= 1 && key.length <= 200) continue;
    throw new PotterError('INVALID_ARGUMENT', {
      message: `Saga '${definition.name}' cannot lock ${JSON.stringify(key)}.`,
      remedy: 'Let its lock give a string of 1 to 200 characters, or several.',
      details: { definition: definition.name },
    });
  }
  const locks = keys.filter((key) => !under.includes(key)).sort();
  if (under.length === 0 || locks.length === 0) return { locks, under };
  throw new PotterError('INVALID_ARGUMENT', {
    message: `Saga '${definition.name}' is to lock '${locks.join("', '")}' within a saga that holds only '${under.join("', '")}'.`,
    remedy:
      'Let the outer saga lock these keys too: all are taken at once, so that no two sagas wait for each other.',
    details: { definition: definition.name, locks, under },
  });
}
