import { PostgresTwoPhaseLog } from '../../../../runtime/src/postgres/two-phase-commit/two-phase-log.ts';
import { createPool } from '../../../../runtime/src/postgres/connection/pool.ts';
import { TwoPhaseCoordinator } from '../../../../runtime/src/sagas/two-phase-commit/coordinator.ts';
import { holding, prepared } from './two-phase-shelves.ts';

/**
 * A process that carries out one transaction over two databases, for a test that kills it: with SIGKILL, at the n-th point around
 * a durable write of the coordinator or of a participant: before it is sent, while it is on its way, when it was answered.
 * Writes `<outcome> <points>` when nobody kills it.
 */
const { HOME_URL = '', EAST_URL = '', WEST_URL = '', COORDINATOR = '', ID = '' } = process.env;
const quantity = process.env['REFUSE'] === undefined ? 3 : 5_000_000;
const killAt = Number(process.env['KILL_AT'] ?? 0);
const WRITES = new Set(['begin', 'decide', 'settle', 'prepare', 'commit', 'abort']);
let points = 0;

function pass(): void {
  points += 1;
  if (points === killAt) process.kill(process.pid, 'SIGKILL');
}

/** The same object, with points around its writes. */
function watched<T extends object>(target: T): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = value as (...args: unknown[]) => Promise<unknown>;
      if (!WRITES.has(String(name))) return method.bind(target);
      return async (...args: unknown[]) => {
        pass();
        const answer = method.apply(target, args);
        // Somewhere on its way.
        setImmediate(() => setImmediate(pass));
        const value = await answer;
        pass();
        return value;
      };
    },
  });
}

const pools = [HOME_URL, EAST_URL, WEST_URL].map((url) => createPool(url, { maxConnections: 3 }));
const [home, east, west] = pools;
if (home === undefined || east === undefined || west === undefined) throw new Error('no pools');
const coordinator = new TwoPhaseCoordinator({
  log: watched(new PostgresTwoPhaseLog({ pool: home, coordinator: COORDINATOR })),
  participants: [
    watched(prepared('east', { pool: east })),
    watched(holding('west', { pool: west })),
  ],
});
const { outcome } = await coordinator.execute(ID, [
  { participant: 'east', work: { effect: ID, quantity: 3 } },
  { participant: 'west', work: { effect: ID, quantity } },
]);
await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
process.stdout.write(`${outcome} ${points}\n`);
await coordinator.close();
for (const pool of pools) await pool.close();
