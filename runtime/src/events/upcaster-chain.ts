import { PotterError } from '../errors/potter-error.ts';
import type { RecordedEvent } from './recorded-event.ts';
import type { EventSchema, Upcaster } from './upcaster.ts';

/** What a store uses to bring every event it reads to its current form. */
export interface UpcasterChain {
  /**
   * The current form of a stored event: itself, another, several, or none.
   * @throws PotterError `UNKNOWN_EVENT_TYPE` when the stored form is newer than this program.
   */
  apply(event: RecordedEvent): readonly RecordedEvent[];
  /** The stored types that can become one of `types`; what a read by type has to fetch. */
  storedTypes(types: readonly string[]): readonly string[];
  /** The schema version that new events of this type get. */
  currentVersion(type: string): number;
}

/** A chain without steps: every event is as it was stored. */
export const noUpcasters: UpcasterChain = {
  apply: (event) => [event],
  storedTypes: (types) => types,
  currentVersion: () => 1,
};

const keyOf = (schema: EventSchema): string => `${schema.type}@${schema.version}`;

/**
 * Checks the steps and makes a chain of them.
 * @param options.current the current schema version of each type that is past version 1.
 * @throws PotterError `INVALID_UPCASTER_CHAIN` when two steps start at the same form, steps lead back to a form that
 * was left, a step leads to a form that is neither current nor the start of another step, or an old version of a type
 * has no step.
 */
export function upcasterChain(options: {
  readonly current: Readonly<Record<string, number>>;
  readonly upcasters: readonly Upcaster[];
}): UpcasterChain {
  const steps = new Map<string, Upcaster>();
  for (const upcaster of options.upcasters) {
    const key = keyOf(upcaster.from);
    if (steps.has(key)) throw invalid('duplicate', `two upcasters start at ${key}`);
    steps.set(key, upcaster);
  }
  const current = new Map(Object.entries(options.current));
  const currentVersion = (type: string): number => current.get(type) ?? 1;
  refuseCycles(steps);
  refuseGaps(steps, current, currentVersion);

  const apply = (event: RecordedEvent): readonly RecordedEvent[] => {
    const step = steps.get(keyOf({ type: event.type, version: event.schemaVersion }));
    if (step !== undefined)
      return step.apply(event).flatMap((output) => apply({ ...event, ...output }));
    if (event.schemaVersion <= currentVersion(event.type)) return [event];
    throw new PotterError('UNKNOWN_EVENT_TYPE', {
      message: `Event ${event.id} is '${event.type}' in version ${event.schemaVersion}; this program knows version ${currentVersion(event.type)}.`,
      remedy:
        'Deploy a program that knows the version, or declare it current and add its upcasters.',
      details: { type: event.type, schemaVersion: event.schemaVersion, position: event.position },
    });
  };
  return {
    apply,
    currentVersion,
    storedTypes: (types) => typesLeadingTo(types, options.upcasters),
  };
}

function refuseCycles(steps: ReadonlyMap<string, Upcaster>): void {
  const done = new Set<string>();
  const visit = (key: string, path: readonly string[]): void => {
    if (path.includes(key))
      throw invalid('cycle', [...path.slice(path.indexOf(key)), key].join(' → '));
    if (done.has(key)) return;
    for (const target of steps.get(key)?.to ?? []) visit(keyOf(target), [...path, key]);
    done.add(key);
  };
  for (const key of steps.keys()) visit(key, []);
}

function refuseGaps(
  steps: ReadonlyMap<string, Upcaster>,
  current: ReadonlyMap<string, number>,
  currentVersion: (type: string) => number,
): void {
  for (const step of steps.values()) {
    for (const target of step.to) {
      if (steps.has(keyOf(target)) || target.version === currentVersion(target.type)) continue;
      throw invalid('gap', `${keyOf(step.from)} leads to ${keyOf(target)}, where nothing goes on`);
    }
  }
  for (const [type, version] of current) {
    for (let old = 1; old < version; old += 1) {
      const key = keyOf({ type, version: old });
      if (!steps.has(key))
        throw invalid('gap', `no upcaster starts at ${key}, and version ${version} is current`);
    }
    const currentKey = keyOf({ type, version });
    if (steps.get(currentKey)?.to.length)
      throw invalid('gap', `${currentKey} is called current, but an upcaster leaves it`);
  }
}

function typesLeadingTo(
  types: readonly string[],
  upcasters: readonly Upcaster[],
): readonly string[] {
  const found = new Set(types);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { from, to } of upcasters)
      if (to.some(({ type }) => found.has(type))) found.add(from.type);
  }
  return [...found];
}

function invalid(problem: 'duplicate' | 'cycle' | 'gap', what: string): PotterError {
  return new PotterError('INVALID_UPCASTER_CHAIN', {
    message: `The upcasters have a ${problem}: ${what}.`,
    remedy:
      'Give every old form of an event exactly one step, and let every step end at a newer form.',
    details: { problem },
  });
}
