/** A process of the fleet: its own pool, store and engine. Told to go by its parent, see `sagas-fleet.ts`. */
import { once } from 'node:events';
import { createPool, PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { throughput } from './report.ts';
import type { FleetResult } from './sagas-fleet.ts';
import { benchSaga, runSaga, watch } from './sagas-subject.ts';

/** Enough for the compiler to know the way. */
const WARM_UP_SAGAS = 1_000;
const [url = '', inFlight = '1', durationMs = '1000'] = process.argv.slice(2);

await using pool = createPool(url, { maxConnections: 5 });
await using store = new PostgresSagaStore({ pool });
const watched = watch(store);
const definition = benchSaga<PostgresTransaction>(3, false);
const engine = createSagaEngine({ store, definitions: [definition] });
await engine.run();
const one = (): Promise<void> => runSaga(engine, watched, definition);
for (let done = 0; done < WARM_UP_SAGAS; done += Number(inFlight)) {
  await Promise.all(Array.from({ length: Number(inFlight) }, one));
}
const go = once(process, 'message');
process.send?.('ready');
await go;
const before = process.cpuUsage();
const { perSecond, latenciesMs } = await throughput(Number(inFlight), Number(durationMs), one);
const used = process.cpuUsage(before);
await engine.stop();
const result: FleetResult = {
  sagas: Math.ceil(WARM_UP_SAGAS / Number(inFlight)) * Number(inFlight) + latenciesMs.length,
  perSecond,
  measured: latenciesMs.length,
  cpuMs: (used.user + used.system) / 1_000,
};
process.send?.(result);
process.disconnect();
