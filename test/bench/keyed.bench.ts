/**
 * What an Idempotency-Key costs: the same requests over HTTP with and without, in turns. `npm run bench -- keyed`
 *
 * - one account: 1,000 deposits at once on one account, which all have to be there in the end.
 * - many accounts: 1,000 deposits at once, each on an account of its own.
 */
import { Agent, request } from 'node:http';
import { Type } from 'typebox';
import { decider } from '../../runtime/src/aggregates/decider.ts';
import { repository } from '../../runtime/src/aggregates/repository.ts';
import { newId } from '../../runtime/src/foundation/ids.ts';
import { createHttpService } from '../../runtime/src/http/http-service.ts';
import { createPool } from '../../runtime/src/postgres/connection/pool.ts';
import { PostgresEventStore } from '../../runtime/src/postgres/event-store/event-store.ts';
import { PostgresIdempotencyStore } from '../../runtime/src/postgres/idempotency/idempotency-store.ts';
import type { PostgresTransaction } from '../../runtime/src/postgres/connection/client.ts';
import { startBenchDatabase } from './database.ts';
import { median, report, type BenchRow } from './report.ts';

const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 1_000);
const TURNS = 5;

await using database = await startBenchDatabase(['event-store', 'idempotency']);
await using pool = createPool(database.url);
await using eventStore = new PostgresEventStore({ pool });

interface Deposited {
  readonly type: 'Deposited';
  readonly data: { readonly cents: number };
}
const oneCent = (): Deposited => ({ type: 'Deposited', data: { cents: 1 } });
const account = decider<{ readonly cents: number }, Deposited>({
  type: 'account',
  initial: () => ({ cents: 0 }),
  evolve: { Deposited: ({ cents }, { data }) => ({ cents: cents + data.cents }) },
});
const accounts = repository<
  { readonly cents: number },
  Deposited,
  () => Deposited,
  PostgresTransaction
>(account, { eventStore });

await using service = await createHttpService<PostgresTransaction>({
  name: 'bench',
  version: '1.0.0',
  idempotency: new PostgresIdempotencyStore({ pool }),
});
service.app.post(
  '/accounts/:id/deposit',
  { schema: { params: Type.Object({ id: Type.String() }) } },
  service.command(async ({ request: { params }, write }) => {
    const { state, version } = await accounts.handle(params.id, oneCent, write);
    return { ...state, version: String(version) };
  }),
);
const base = await service.listen({ port: 0, host: '127.0.0.1' });
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

async function deposit(id: string, keyed: boolean): Promise<void> {
  const headers = keyed ? { 'idempotency-key': newId() } : {};
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request(`${base}/accounts/${id}/deposit`, { method: 'POST', agent, headers });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.end();
  });
  if (status !== 200) throw new Error(`a deposit was answered with ${status}`);
}

/** Milliseconds for all, once every cent is found where it belongs. */
async function turn(one: boolean, keyed: boolean): Promise<number> {
  const run = newId();
  const idOf = (n: number): string => (one ? run : `${run}-${n}`);
  const from = performance.now();
  await Promise.all(Array.from({ length: REQUESTS }, (_, n) => deposit(idOf(n), keyed)));
  const ms = performance.now() - from;
  const { state } = await accounts.load(idOf(0));
  if (state.cents !== (one ? REQUESTS : 1)) throw new Error(`${state.cents} cents are there`);
  return ms;
}

const rows: BenchRow[] = [];
for (const one of [true, false]) {
  const ms = { unkeyed: [] as number[], keyed: [] as number[] };
  for (let n = 0; n <= TURNS; n += 1) {
    const unkeyed = await turn(one, false);
    const keyed = await turn(one, true);
    // The first turn warms up.
    if (n === 0) continue;
    ms.unkeyed.push(unkeyed);
    ms.keyed.push(keyed);
  }
  rows.push({
    accounts: one ? 1 : REQUESTS,
    'deposits at once': REQUESTS,
    'unkeyed ms': median(ms.unkeyed),
    'keyed ms': median(ms.keyed),
    'keyed : unkeyed': median(ms.keyed) / median(ms.unkeyed),
  });
}
report('keyed', 'Requests with an Idempotency-Key against the same without', rows);
agent.destroy();
