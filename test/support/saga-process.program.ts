import { createPool } from '../../runtime/src/postgres/connection/pool.ts';
import { createSagaEngine } from '../../runtime/src/sagas/create-saga-engine.ts';
import { effectsSaga } from './effects-saga.ts';
import { insist } from './insist.ts';
import { approve } from './reference-saga.ts';
import { referenceOn } from './reference-effects.ts';
import { KillPoints, TWO_PHASE_WRITES } from './kill-points.ts';
import { KillingSagaStore } from './killing-store.ts';
import { togetherOn } from './reference-two-phase.ts';

/**
 * A process that runs sagas, for tests that kill it. Tells on standard output, a line each: `ready`, `accepted <sagaId>`,
 * `settled <sagaId> <points>`. With COUNT it starts so many, one after the other, that lock the key LOCK, of a definition that runs CONCURRENCY at once, and runs on. SIGTERM stops it gracefully.
 * With REFERENCE it runs the saga of every kind of node instead, whose step REFUSE says no; it stands still for HOLD_MS where HOLD says,
 * and says `holding <what>`.
 */
const {
  DATABASE_URL = '',
  LEASE_MS = '500',
  START = '',
  REFUSE = '',
  KILL_AT = '0',
  STEP_MS = '0',
  FLOOD = '0',
  LOCK = '',
  COUNT = '0',
  CONCURRENCY = '0',
  REFERENCE = '',
  HOLD = '',
  HOLD_MS = '0',
} = process.env;

const pool = createPool(DATABASE_URL, {
  maxConnections: 6,
  idleInTransactionTimeout: '5s',
});
const limit = Number(CONCURRENCY);
const definition = effectsSaga(pool, limit > 0 ? { concurrency: limit } : undefined);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Stands still for a while when the thing is what HOLD says, and says so: whoever stops this process then stops it there. */
async function hold(thing: string): Promise<void> {
  if (HOLD === '' || !thing.includes(HOLD)) return;
  say(`holding ${thing}`);
  await new Promise((resolve) => setTimeout(resolve, Number(HOLD_MS)));
}

const points = new KillPoints();
const coordinator = togetherOn(pool, {
  log: (log) => points.watch(log, TWO_PHASE_WRITES),
  participant: (participant) =>
    points.watch(
      {
        name: participant.name,
        find: (branch, options) => participant.find(branch, options),
        prepared: (name, options) => participant.prepared(name, options),
        abort: (branch, options) => participant.abort(branch, options),
        prepare: async (branch, work, options) => {
          await hold(`${participant.name} prepare`);
          await participant.prepare(branch, work, options);
        },
        commit: async (branch, options) => {
          await hold(`${participant.name} commit`);
          return participant.commit(branch, options);
        },
      },
      TWO_PHASE_WRITES,
    ),
});
const reference =
  REFERENCE === ''
    ? referenceOn(pool, coordinator)
    : referenceOn(pool, coordinator, REFUSE, HOLD === '' ? undefined : hold);
const store = new KillingSagaStore({ pool }, points);
const engine = createSagaEngine({
  store,
  definitions: [definition, reference],
  lease: Number(LEASE_MS),
  poll: Math.min(1_000, Math.floor(Number(LEASE_MS) / 5)),
});
const stopping = new AbortController();
let stopped: Promise<void> | undefined;

/** Once, whoever asks: a signal, the end of what it was started for, or both. */
const stop = (): Promise<void> => (stopped ??= stopNow());

async function stopNow(): Promise<void> {
  stopping.abort();
  await engine.stop();
  await coordinator.close();
  await store.close();
  await pool.close();
}

/** Until the saga is over; @returns false when this process stops before. */
async function settled(sagaId: string): Promise<boolean> {
  try {
    await engine.settled(sagaId);
    return true;
  } catch (error) {
    if (stopping.signal.aborted) return false;
    throw error;
  }
}

process.once('SIGTERM', () => void stop().then(() => say('stopped')));
await engine.run();
say('ready');
if (REFERENCE !== '') {
  points.killAt = Number(KILL_AT) === 0 ? 0 : points.passed + Number(KILL_AT);
  const before = points.passed;
  await engine.start(reference, { items: 2 }, { sagaId: START });
  say(`accepted ${START}`);
  await insist(() => approve(engine, START));
  if (await insist(() => settled(START))) say(`settled ${START} ${points.passed - before}`);
  await stop();
} else if (START !== '') {
  points.killAt = Number(KILL_AT) === 0 ? 0 : points.passed + Number(KILL_AT);
  const before = points.passed;
  const input = {
    refuse: REFUSE !== '',
    ...(LOCK !== '' && { key: LOCK }),
    ...(STEP_MS !== '0' && { stepMs: Number(STEP_MS) }),
  };
  await engine.start(definition, input, { sagaId: START });
  say(`accepted ${START}`);
  if (FLOOD === '0') {
    if (await settled(START)) say(`settled ${START} ${points.passed - before}`);
    await stop();
  }
}

/** One after the other, as many at once as FLOOD says; every third is to be undone. */
async function flood(lane: number): Promise<void> {
  for (let n = 0; !stopping.signal.aborted; n += 1) {
    try {
      const options = { sagaId: `${START}-${process.pid}-${lane}-${n}` };
      const { sagaId } = await engine.start(definition, { refuse: n % 3 === 2 }, options);
      say(`accepted ${sagaId}`);
      await engine.settled(sagaId);
    } catch {
      // The process stops, or the server does: what was accepted was said.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
await Promise.all(Array.from({ length: Number(FLOOD) }, (_, lane) => flood(lane)));

for (let n = 0; n < Number(COUNT); n += 1) {
  const input = {
    refuse: n % 3 === 2,
    ...(LOCK !== '' && { key: LOCK }),
    ...(STEP_MS !== '0' && { stepMs: Number(STEP_MS) }),
  };
  const { sagaId } = await engine.start(definition, input, { sagaId: `${process.pid}-${n}` });
  say(`accepted ${sagaId}`);
}
if (COUNT !== '0') say('all accepted');
