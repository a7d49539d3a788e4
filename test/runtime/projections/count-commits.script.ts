import { createPool } from '../../../runtime/src/postgres/connection/pool.ts';
import { PostgresProjectionStore } from '../../../runtime/src/postgres/projections/projection-store.ts';
import { PostgresSagaFeed } from '../../../runtime/src/postgres/sagas/saga-feed.ts';
import { createProjectionRunner } from '../../../runtime/src/projections/projection-runner.ts';
import { project } from '../../../runtime/src/projections/projection.ts';
import { countingCommits } from './counting-commits.ts';

/**
 * A process that counts commits, for tests that kill it. Says `ready`, and `batch` after each batch that is not yet
 * committed. KILL_AT: kills itself, without warning, in the n-th batch, between the rows and the commit.
 */
const {
  DATABASE_URL = '',
  LEASE_MS = '400',
  KILL_AT = '0',
  BATCH = '20',
  PAUSE_MS = '0',
} = process.env;

const pool = createPool(DATABASE_URL, { maxConnections: 6, applicationName: 'counting' });
let batches = 0;
const projection = countingCommits({
  batchSize: Number(BATCH),
  written: async (building) => {
    batches += 1;
    if (batches === Number(KILL_AT)) process.kill(process.pid, 'SIGKILL');
    process.stdout.write(building ? 'building batch\n' : 'live batch\n');
    if (PAUSE_MS !== '0') await new Promise((resolve) => setTimeout(resolve, Number(PAUSE_MS)));
  },
});
const runner = createProjectionRunner({
  store: new PostgresProjectionStore({ pool, stalledAfter: '1s' }),
  projections: [project(new PostgresSagaFeed({ pool }), projection)],
  lease: Number(LEASE_MS),
});

process.once('SIGTERM', () => void runner.stop().then(() => pool.close()));
await runner.run();
process.stdout.write('ready\n');
