import { isPotterError } from '../errors/potter-error.ts';
import type { Event, EventMetadata, NewEvent } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { StreamId } from '../events/stream-id.ts';
import { ConcurrencyConflictError } from '../event-store/concurrency-conflict-error.ts';
import { type ExpectedVersion, isExpected } from '../event-store/expected-version.ts';
import type { AggregateDefinition } from './aggregate-definition.ts';
import { type CommandJob, insideCommand } from './command-job.ts';

/** What came of one command of a batch, should the batch be appended. */
export type Verdict<State, E extends Event, Command> =
  | {
      readonly kind: 'decided';
      readonly job: CommandJob<State, E, Command>;
      readonly events: readonly NewEvent<E>[];
      readonly state: State;
      readonly version: bigint;
    }
  | {
      readonly kind: 'refused';
      readonly job: CommandJob<State, E, Command>;
      readonly error: unknown;
    };

/** Several commands decided one after the other, each on the state the one before it would leave. */
export interface Batch<State, E extends Event, Command> {
  readonly verdicts: readonly Verdict<State, E, Command>[];
  readonly events: readonly NewEvent<E>[];
  /** After all of them. */
  readonly state: State;
  /** Commands that have to be handled after this batch. */
  readonly rest: readonly CommandJob<State, E, Command>[];
}

/**
 * Decides commands as if each had been appended before the next. The result is one append, so it is all true or all
 * void, refusals included: a refusal may rest on what a neighbour decided.
 */
export async function decideTogether<State, E extends Event, Command>(
  definition: AggregateDefinition<State, E, Command>,
  stream: StreamId,
  before: { readonly state: State; readonly version: bigint },
  jobs: readonly CommandJob<State, E, Command>[],
): Promise<Batch<State, E, Command>> {
  const verdicts: Verdict<State, E, Command>[] = [];
  const all: NewEvent<E>[] = [];
  let { state } = before;
  for (const [index, job] of jobs.entries()) {
    const version = before.version + BigInt(all.length);
    if (!isExpected(job.expected, version)) {
      const error = staleExpectation(stream, job.expected, version);
      verdicts.push({ kind: 'refused', job, error });
      continue;
    }
    try {
      const current = state;
      const decided = await insideCommand(job.context, () =>
        definition.decide(current, job.command),
      );
      // Events that may be there already are no neighbours for others: the store answers for a whole append.
      const isRepeatable = decided.events.some(({ id }) => id !== undefined);
      if (isRepeatable && all.length > 0) {
        return { verdicts, events: all, state, rest: jobs.slice(index) };
      }
      const events = decided.events.map((event) => withMetadata(event, job.metadata));
      all.push(...events);
      ({ state } = decided);
      verdicts.push({
        kind: 'decided',
        job,
        events,
        state,
        version: version + BigInt(events.length),
      });
      if (isRepeatable) return { verdicts, events: all, state, rest: jobs.slice(index + 1) };
    } catch (error) {
      verdicts.push({ kind: 'refused', job, error });
    }
  }
  return { verdicts, events: all, state, rest: [] };
}

/** What an event says itself wins. */
function withMetadata<E extends Event>(event: NewEvent<E>, metadata: EventMetadata): NewEvent<E> {
  return { ...event, metadata: { ...metadata, ...event.metadata } };
}

/** Tells every caller what came of its command, with its share of what was recorded. */
export function settle<State, E extends Event, Command>(
  verdicts: readonly Verdict<State, E, Command>[],
  recorded: readonly RecordedEvent<E>[],
): void {
  let taken = 0;
  for (const verdict of verdicts) {
    if (verdict.kind === 'refused') refuse(verdict.job, verdict.error);
    else {
      const { job, state, version, events } = verdict;
      job.share?.decided(events.length > 0);
      job.resolve({ state, version, events: recorded.slice(taken, taken + events.length) });
      taken += events.length;
    }
  }
}

/** Without anything of it in a transaction. */
function refuse<State, E extends Event, Command>(
  { share, reject }: CommandJob<State, E, Command>,
  error: unknown,
): void {
  share?.decided(false);
  reject(error);
}

/** Refuses the jobs whose expectation the conflict has shown to be stale, without another look. Returns the others. */
export function stillExpected<State, E extends Event, Command>(
  jobs: readonly CommandJob<State, E, Command>[],
  { stream, actual }: ConcurrencyConflictError,
): readonly CommandJob<State, E, Command>[] {
  return jobs.filter((job) => {
    const { expected } = job;
    // What is expected beyond the stream's end may have been made by a neighbour in the batch.
    if (isExpected(expected, actual) || (typeof expected === 'bigint' && expected > actual))
      return true;
    refuse(job, staleExpectation(stream, expected, actual));
    return false;
  });
}

/** Errors about what one command wanted to append, for which its neighbours in a batch must not suffer. */
export function isFaultOfOne(error: unknown): boolean {
  return (
    isPotterError(error, 'SERIALIZATION_FAILED') ||
    isPotterError(error, 'INVALID_ARGUMENT') ||
    isPotterError(error, 'EVENT_ID_CONFLICT')
  );
}

function staleExpectation(
  stream: StreamId,
  expected: ExpectedVersion,
  actual: bigint,
): ConcurrencyConflictError {
  const remedy = 'What the caller saw has changed since: load it, and decide anew.';
  return new ConcurrencyConflictError(stream, expected, actual, remedy);
}

/** The conflict that is thrown when no retry is left. */
export function retriesExhausted(
  { stream, expected, actual }: ConcurrencyConflictError,
  attempts: number,
): ConcurrencyConflictError {
  const remedy = `Other processes wrote it during each of ${attempts} attempts: try again later, or let the repository's 'retry' make more.`;
  return new ConcurrencyConflictError(stream, expected, actual, remedy);
}
