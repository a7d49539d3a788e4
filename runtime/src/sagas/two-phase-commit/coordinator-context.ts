import { isRejection } from '../../errors/rejection.ts';
import { PotterError } from '../../errors/potter-error.ts';
import { assertTwoPhaseName, type BranchId } from './branch-id.ts';
import { callWithin } from './call-within.ts';
import {
  resolveCoordinatorOptions,
  type ResolvedCoordinatorOptions,
  type TwoPhaseCoordinatorOptions,
} from './coordinator-options.ts';
import { ParticipantRest } from './participant-rest.ts';
import type { TwoPhaseEvent } from './two-phase-event.ts';
import type { TwoPhaseLog } from './two-phase-log.ts';
import { type CallOutcome, TwoPhaseMetrics } from './two-phase-metrics.ts';
import type { CallOptions, TwoPhaseParticipant } from './two-phase-participant.ts';

/** What the parts of a coordinator share. */
export class CoordinatorContext {
  readonly log: TwoPhaseLog;
  readonly options: ResolvedCoordinatorOptions;
  readonly participants: ReadonlyMap<string, TwoPhaseParticipant>;
  readonly rest: ParticipantRest;
  readonly metrics: TwoPhaseMetrics;

  constructor(options: TwoPhaseCoordinatorOptions) {
    this.log = options.log;
    this.options = resolveCoordinatorOptions(options);
    for (const { name } of options.participants) assertTwoPhaseName('participant', name);
    this.participants = new Map(options.participants.map((one) => [one.name, one]));
    if (this.participants.size < options.participants.length) {
      throw new PotterError('INVALID_ARGUMENT', {
        message: `Two participants have the same name: ${options.participants.map(({ name }) => name).join(', ')}.`,
        remedy: 'Give each a name of its own: prepared branches are told apart by it.',
      });
    }
    const { settleRetry, clock, random, meter } = this.options;
    this.rest = new ParticipantRest(settleRetry, clock, random);
    this.metrics = new TwoPhaseMetrics(meter, () => this.log.inDoubt());
  }

  async branchId(transactionId: string): Promise<BranchId> {
    return { coordinator: await this.log.identity(), transactionId };
  }

  /** @throws PotterError `TWO_PHASE_PARTICIPANT_UNKNOWN` */
  participant(name: string): TwoPhaseParticipant {
    const participant = this.participants.get(name);
    if (participant !== undefined) return participant;
    throw new PotterError('TWO_PHASE_PARTICIPANT_UNKNOWN', {
      message: `This process has no participant '${name}', only ${[...this.participants.keys()].join(', ')}.`,
      remedy: 'Give it to the coordinator: what it has prepared waits for an answer.',
      details: { participant: name },
    });
  }

  /** One call of a participant: within its time, measured and traced. */
  async call<T>(
    name: string,
    operation: 'prepare' | 'commit' | 'abort' | 'find' | 'prepared',
    signal: AbortSignal | undefined,
    work: (participant: TwoPhaseParticipant, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const { clock, callTimeoutMs, tracer } = this.options;
    const participant = this.participant(name);
    const startedAt = performance.now();
    const attributes = { 'potter.participant': name };
    let outcome: CallOutcome = 'failed';
    try {
      const answer = await tracer.span(
        `two-phase ${operation}`,
        { kind: 'client', attributes },
        () =>
          callWithin(
            { clock, timeoutMs: callTimeoutMs, signal },
            `The ${operation} of participant '${name}'`,
            (within) => work(participant, { signal: within }),
          ),
      );
      outcome = 'answered';
      return answer;
    } catch (error) {
      if (isRejection(error)) outcome = 'refused';
      throw error;
    } finally {
      this.metrics.called(name, operation, outcome, (performance.now() - startedAt) / 1_000);
    }
  }

  emit(event: TwoPhaseEvent): void {
    const { logger, onEvent } = this.options;
    const { type, at: _at, ...fields } = event;
    if (type === 'TransactionResolved' || type === 'OrphanSettled') logger.warn(type, fields);
    else logger.debug(type, fields);
    try {
      onEvent(event);
    } catch (error) {
      logger.error('a listener of two-phase events failed', { error });
    }
  }
}
