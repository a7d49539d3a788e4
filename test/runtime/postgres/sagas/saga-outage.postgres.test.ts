import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from 'potter-runtime/embedded';
import { createPool, PostgresSagaStore } from 'potter-runtime/postgres';
import { createSagaEngine } from 'potter-runtime/sagas';
import { expect, onTestFinished, test } from 'vitest';
import { createMigrator } from 'potter-runtime/migrations';
import { EFFECTS_TABLE, effectsSaga, expectedEffects } from '../../../support/effects-saga.ts';
import { insist } from '../../../support/insist.ts';
import { referenceOn, referenceViolations } from '../../../support/reference-effects.ts';
import { approve } from '../../../support/reference-saga.ts';
import { HOLDS_TABLE, stillPrepared, togetherOn } from '../../../support/reference-two-phase.ts';

/** How often the server goes away: a few times, or for ten minutes for those who ask for it. */
const OUTAGES = process.env['POTTER_FULL'] === '1' ? 100 : 3;
const UP_MS = 1_000;

/** One address for a server that comes back at another port each time. */
class Front {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  target = 0;

  constructor() {
    this.#server = createServer((inside) => {
      const outside = connect(this.target, '127.0.0.1');
      for (const [one, other] of [
        [inside, outside],
        [outside, inside],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

test(
  'a server that stops and starts over and over under load strands no saga and loses none',
  { timeout: OUTAGES * 60_000 + 120_000 },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'potter-outage-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const front = new Front();
    const port = await front.listen();
    onTestFinished(() => front.close());
    let server: EmbeddedPostgres = await startEmbeddedPostgres({ directory });
    onTestFinished(() => server.stop());
    front.target = server.port;
    const url = new URL(server.url);
    url.port = String(port);
    const pool = createPool(url.href, { connectTimeout: '10s', maxConnections: 20 });
    onTestFinished(() => pool.close());
    await pool.query({ text: `${EFFECTS_TABLE}; ${HOLDS_TABLE}` });
    await createMigrator({
      databaseUrl: url.href,
      components: ['sagas', 'fences', 'two-phase-commit', 'two-phase-participant'],
      // There is no project around a test.
      directory: 'no-project',
    }).up();
    const store = new PostgresSagaStore({ pool });
    onTestFinished(() => store.close());
    const together = togetherOn(pool);
    onTestFinished(() => together.close());
    const definition = effectsSaga(pool);
    const reference = referenceOn(pool, together);
    const definitions = [definition, reference];
    const engine = createSagaEngine({ store, definitions, lease: 2_000, poll: 100 });
    await engine.run();
    onTestFinished(() => engine.stop({ timeout: '1s' }));

    const accepted: string[] = [];
    const stop = new AbortController();
    const flood = async (lane: number): Promise<void> => {
      for (let n = 0; !stop.signal.aborted; n += 1) {
        const sagaId = `${lane}-${n}`;
        const started = await engine
          .start(definition, { refuse: n % 3 === 2 }, { sagaId })
          .catch(() => undefined);
        if (started === undefined) continue;
        accepted.push(sagaId);
        await engine.settled(sagaId).catch(() => {});
      }
    };
    const references: string[] = [];
    /** Sagas of every kind of node; every third is cancelled somewhere on its way. */
    const referenceFlood = async (lane: number): Promise<void> => {
      for (let n = 0; !stop.signal.aborted; n += 1) {
        const sagaId = `reference-${lane}-${n}`;
        await insist(() => engine.start(reference, { items: 2 }, { sagaId }));
        references.push(sagaId);
        await insist(() => approve(engine, sagaId));
        if ((lane + n) % 3 === 2) await engine.cancel(sagaId).catch(() => {});
        await engine.settled(sagaId).catch(() => {});
      }
    };
    const lanes = [
      ...Array.from({ length: 8 }, (_, lane) => flood(lane)),
      ...Array.from({ length: 4 }, (_, lane) => referenceFlood(lane)),
    ];
    /** Lets the sagas run for a while, and until some more have been accepted, of both. */
    const workFor = async (ms: number): Promise<void> => {
      const wanted = [accepted.length + 2, references.length + 1] as const;
      await new Promise((resolve) => setTimeout(resolve, ms));
      await expect
        .poll(() => accepted.length >= wanted[0] && references.length >= wanted[1], {
          interval: 20,
          timeout: 60_000,
        })
        .toBe(true);
    };
    for (let outage = 0; outage < OUTAGES; outage += 1) {
      await workFor(UP_MS);
      await server.stop();
      server = await startEmbeddedPostgres({ directory });
      front.target = server.port;
    }
    await workFor(UP_MS);
    stop.abort();
    await Promise.all(lanes);

    const unfinished = `SELECT count(*)::int AS n FROM potter.sagas WHERE status NOT IN ('completed', 'compensated')`;
    await expect
      .poll(async () => (await pool.query<{ n: number }>({ text: unfinished })).rows[0]?.n, {
        interval: 100,
        timeout: 90_000,
      })
      .toBe(0);
    const { rows } = await pool.query<{
      saga_id: string;
      status: 'completed' | 'compensated';
      effects: string[] | null;
    }>({
      text: `SELECT s.saga_id, s.status, array_agg(e.key ORDER BY e.no) FILTER (WHERE e.key IS NOT NULL) AS effects
        FROM potter.sagas s LEFT JOIN effects e USING (saga_id) WHERE definition = 'effects-saga' GROUP BY 1, 2`,
    });
    const known = new Set(rows.map((row) => row.saga_id));
    const wrong = rows.filter(
      (row) => row.effects?.join() !== expectedEffects(row.saga_id, row.status).join(),
    );
    const found = await Promise.all(
      references.map((sagaId) => referenceViolations(pool, store, sagaId)),
    );
    console.log(
      `${rows.length} sagas and ${references.length} of every kind of node, ${OUTAGES} outages, ${wrong.length + found.flat().length} violations`,
    );
    expect(found.flat()).toEqual([]);
    await expect.poll(() => stillPrepared(pool), { timeout: 30_000 }).toBe(0);
    expect(accepted.filter((sagaId) => !known.has(sagaId))).toEqual([]);
    expect(wrong).toEqual([]);
    expect(accepted.length).toBeGreaterThan(5);
    expect(references.length).toBeGreaterThan(3);
  },
);
