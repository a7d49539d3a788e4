import { Rejection } from 'potter-runtime/errors';
import { sleep } from 'potter-runtime/foundation';
import type { InMemoryTransaction } from 'potter-runtime/sagas';
import { type LedgerEntry, ParticipantLedger, type SimulatedProcess } from 'potter-runtime/testing';
import {
  presentNameIn,
  underPresentNames,
} from '../../../../runtime/src/testing/saga-model/present-names.ts';
import { type Plan, planOf } from './participant-plan.ts';
import type { World } from './world.ts';

/** How the steps of one process reach their participants. */
export interface ParticipantCalls {
  /** Calls a participant, which is slow, fails, refuses or answers late, as the seed says. */
  readonly call: (key: string, signal: AbortSignal) => Promise<string>;
  /** The same for an undo. */
  readonly undo: (key: string, signal: AbortSignal) => Promise<void>;
  /** Writes in the saga's own transaction. */
  readonly write: (tx: InMemoryTransaction, key: string) => Promise<void>;
}

/** The step that a key is of, whether or not it was done again after a rewind. */
const pathOf = (key: string): string => key.split('/')[1]?.split('~')[0] ?? '';

/** All that is outside of processes and store: what was done there outlives them. */
export class Participants {
  readonly #world: World;
  /** Steps that must not refuse: past the pivot nothing is undone, and a person would be needed. */
  readonly #obliging: ReadonlySet<string>;
  readonly #ledger = new ParticipantLedger();
  readonly #duplicates: LedgerEntry[] = [];
  readonly #plans = new Map<string, Plan>();
  readonly #tries = new Map<string, number>();

  constructor(world: World, obliging: ReadonlySet<string>) {
    this.#world = world;
    this.#obliging = obliging;
  }

  get effects(): readonly LedgerEntry[] {
    return [...this.#ledger.entries, ...this.#duplicates];
  }

  /** As a process reaches them, which may die or be stalled at any moment. */
  reachedBy(
    process: SimulatedProcess<InMemoryTransaction>,
    untilAwake: () => Promise<void>,
  ): ParticipantCalls {
    const { clock, plant } = this.#world;
    const call = async (key: string, signal: AbortSignal): Promise<string> => {
      await process.answer(untilAwake());
      await process.answer(this.#mustBeIntended(key));
      const plan = this.#planOf(key);
      const tries = (this.#tries.get(key) ?? 0) + 1;
      this.#tries.set(key, tries);
      // Slow at first, not for ever: an undoing must end one day.
      const latencyMs = tries > 3 ? plan.latencyMs / 10 : plan.latencyMs;
      await process.answer(sleep(latencyMs, { clock, ...(plan.heedsSignal && { signal }) }));
      const undo = key.endsWith('/undo');
      if (plan.refuses && !undo && !this.#obliging.has(pathOf(key)))
        throw new Rejection('REFUSED', 'The participant says no.');
      const fails = tries <= (undo ? plan.undoFailures : plan.failures);
      if (fails && !plan.failsLate) throw new Error('The participant is not well.');
      const answer = await process.answer(this.#effect(key));
      if (fails) throw new Error('The participant broke down after its work.');
      return answer;
    };
    const undo = async (key: string, signal: AbortSignal): Promise<void> => {
      if (plant.forgetsUndoOf === pathOf(key)) return;
      await call(key, signal);
    };
    const write = async (tx: InMemoryTransaction, key: string): Promise<void> => {
      if (key.endsWith('/do')) {
        await process.answer(this.#mustBeIntended(key));
        await process.answer(this.#world.wait(Math.min(500, this.#planOf(key).latencyMs)));
      }
      tx.onCommit(() => void this.#committed(key));
    };
    return { call, undo, write };
  }

  /** A transactional write needs no participant that honours keys: it happens with its journal entry, or not at all. */
  async #committed(key: string): Promise<void> {
    const written = this.#ledger.callsOf(key) + 1;
    await this.#effect(key).catch(() => {});
    // The journal's part is visible as soon as the transaction has ended.
    await this.#world.wait(1);
    const entries = await this.#entriesOf(key, 'AttemptCompleted');
    if (written === 1 && entries.length > 0) return;
    this.#world.report(
      'a write commits with its journal entry',
      `${key} was written ${written} times, with ${entries.length} entries`,
    );
  }

  async #effect(key: string): Promise<string> {
    if (this.#world.plant.deafToKeys && this.#ledger.callsOf(key) > 0) {
      const [sagaId = '', step = '', kind] = key.split('/');
      this.#duplicates.push({ key, sagaId, step, kind: kind as 'do' | 'undo', empty: false });
    }
    return this.#ledger.apply(key, () => `answer to ${key}`);
  }

  async #mustBeIntended(key: string): Promise<void> {
    if ((await this.#entriesOf(key, 'AttemptStarted')).length > 0) return;
    this.#world.report('intent before effect', key);
  }

  /** What the journal says of a key's step, whatever it is called since. */
  async #entriesOf(key: string, type: 'AttemptStarted' | 'AttemptCompleted') {
    const [sagaId = ''] = key.split('/');
    const direction = key.endsWith('/do') ? 'forward' : 'compensate';
    const journal = await this.#world.store.journal(sagaId);
    const path = presentNameIn(journal)(pathOf(key));
    return underPresentNames(journal).filter(
      ({ event }) => event.type === type && event.path === path && event.direction === direction,
    );
  }

  #planOf(key: string): Plan {
    const step = key.slice(0, key.lastIndexOf('/'));
    const plan = this.#plans.get(step) ?? planOf(this.#world.chance);
    this.#plans.set(step, plan);
    return plan;
  }
}
