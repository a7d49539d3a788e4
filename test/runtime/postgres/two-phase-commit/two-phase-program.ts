import { PostgresTwoPhaseLog } from '../../../../runtime/src/postgres/two-phase-commit/two-phase-log.ts';
import { createPool } from '../../../../runtime/src/postgres/connection/pool.ts';
import { TwoPhaseCoordinator } from '../../../../runtime/src/sagas/two-phase-commit/coordinator.ts';
import { KillPoints, TWO_PHASE_WRITES } from '../../../support/kill-points.ts';
import { holding, prepared } from './two-phase-shelves.ts';

/**
 * A process that carries out one transaction over two databases, for a test that kills it: with SIGKILL, at the n-th point around
 * a durable write of the coordinator or of a participant: before it is sent, while it is on its way, when it was answered.
 * Writes `<outcome> <points>` when nobody kills it.
 */
const { HOME_URL = '', EAST_URL = '', WEST_URL = '', COORDINATOR = '', ID = '' } = process.env;
const quantity = process.env['REFUSE'] === undefined ? 3 : 5_000_000;
const points = new KillPoints();
points.killAt = Number(process.env['KILL_AT'] ?? 0);

const pools = [HOME_URL, EAST_URL, WEST_URL].map((url) => createPool(url, { maxConnections: 3 }));
const [home, east, west] = pools;
if (home === undefined || east === undefined || west === undefined) throw new Error('no pools');
const coordinator = new TwoPhaseCoordinator({
  log: points.watch(
    new PostgresTwoPhaseLog({ pool: home, coordinator: COORDINATOR }),
    TWO_PHASE_WRITES,
  ),
  participants: [
    points.watch(prepared('east', { pool: east }), TWO_PHASE_WRITES),
    points.watch(holding('west', { pool: west }), TWO_PHASE_WRITES),
  ],
});
const { outcome } = await coordinator.execute(ID, [
  { participant: 'east', work: { effect: ID, quantity: 3 } },
  { participant: 'west', work: { effect: ID, quantity } },
]);
await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
process.stdout.write(`${outcome} ${points.passed}\n`);
await coordinator.close();
for (const pool of pools) await pool.close();
