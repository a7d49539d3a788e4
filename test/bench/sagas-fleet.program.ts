/** A process of the fleet: its own pool, store and compiler. Runs what its parent asks for, see `sagas-fleet.ts`. */
import { createPool, PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { throughput } from './report.ts';
import type { FleetOrder, FleetReport } from './sagas-fleet.ts';
import { benchSaga, runSaga, watch } from './sagas-subject.ts';

const [url = ''] = process.argv.slice(2);
const pool = createPool(url, { maxConnections: 5 });
const store = new PostgresSagaStore({ pool });
const definition = benchSaga<PostgresTransaction>(3, false);
let ended = 0;
const watched = watch(store, () => {
  ended += 1;
  if (ended === 1) setImmediate(tellEnded);
});
let telling = false;

/** Everything that ended in one turn is one message. */
function tellEnded(): void {
  const count = ended;
  ended = 0;
  if (telling) tell({ kind: 'ended', count });
}

function tell(report: FleetReport): void {
  process.send?.(report);
}

/** A worker of its own for each order, so that a process without one asks the database for nothing. */
async function carryOut(order: FleetOrder): Promise<void> {
  const engine = createSagaEngine({ store, definitions: [definition] });
  await engine.run();
  tell({ kind: 'ready' });
  const from = process.cpuUsage();
  let sagas = 0;
  let perSecond = 0;
  if (order.kind === 'start') {
    const { inFlight, durationMs } = order;
    const started = await throughput(inFlight, durationMs, () =>
      runSaga(engine, watched, definition),
    );
    sagas = started.latenciesMs.length;
    ({ perSecond } = started);
  } else {
    telling = true;
    await new Promise((resolve) => process.once('message', resolve));
    telling = false;
  }
  const { user, system } = process.cpuUsage(from);
  tell({ kind: 'done', sagas, perSecond, cpuMs: (user + system) / 1_000 });
  await engine.stop();
  tell({ kind: 'stopped' });
}

process.on('message', (order: FleetOrder | 'enough' | 'end') => {
  if (order === 'end') void end();
  else if (order !== 'enough') void carryOut(order);
});

async function end(): Promise<void> {
  await store.close();
  await pool.close();
  process.disconnect();
}
