import { randomUUID } from 'node:crypto';
import type { Api } from './api.ts';
import { tellSaga, untilOver } from './saga-story.ts';
import { chapter, play, say } from './story.ts';

interface Page {
  readonly sagas: readonly {
    readonly definition: string;
    readonly status: string;
    readonly durationMs: number | null;
  }[];
  readonly total: number;
  readonly nextCursor: string | null;
}
interface Metrics {
  readonly total: number;
  readonly successRate: number;
  readonly durationMs: { readonly average: number; readonly p95: number };
  readonly throughputPerMinute: number;
  readonly steps: readonly {
    readonly step: string;
    readonly count: number;
    readonly failures: number;
    readonly meanMs: number | null;
  }[];
}
interface Projection {
  readonly generation: number;
  readonly position: number;
  readonly head: number;
  readonly lag: number;
}

const correlationId = `demo-${randomUUID().slice(0, 8)}`;

await play(async (api) => {
  chapter('A saga that is undone at its third step');
  await tellSaga(api, await start(api, 'failing-saga', {}), 'compensated');

  chapter('Twenty more');
  const definitions = ['simple-saga', 'slow-saga', 'simple-saga', 'failing-saga'];
  const sagas = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      start(api, definitions[n % definitions.length] ?? 'simple-saga', { stepMs: 20 + n * 5 }),
    ),
  );
  await Promise.all(sagas.map((sagaId) => untilOver(api, sagaId)));
  await caughtUp(api);
  const page = await list(api, 'limit=5&sort=-durationMs');
  say('the slowest five', `of ${page.total}`);
  for (const { definition, status, durationMs } of page.sagas) {
    say(`  ${definition}`, `${status}, ${durationMs} ms`);
  }
  const undone = await list(api, 'status=compensated&limit=1');
  say('undone', String(undone.total));

  chapter('How they did');
  const { body: metrics } = await api.get<Metrics>('/api/v1/sagas/metrics');
  say('success rate', `${(metrics.successRate * 100).toFixed(0)} % of ${metrics.total}`);
  const { average, p95 } = metrics.durationMs;
  say('duration', `${average.toFixed(0)} ms in the mean, p95 ${p95.toFixed(0)} ms`);
  for (const { step, count, failures, meanMs } of metrics.steps) {
    say(`  ${step}`, `${count} times, ${failures} failed, ${(meanMs ?? 0).toFixed(0)} ms`);
  }

  chapter('The read model is built anew, while it answers');
  const before = await projection(api);
  await api.post('/api/v1/projections/saga-read-model/rebuild');
  let answers = 0;
  let now = before;
  while (now.generation === before.generation) {
    const { total } = await list(api, 'limit=1');
    if (total !== page.total) throw new Error(`a query saw ${total} of ${page.total} sagas`);
    answers += 1;
    now = await projection(api);
  }
  say(`generation ${before.generation} → ${now.generation}`, `${answers} queries, all complete`);
});

async function start(api: Api, definition: string, context: object): Promise<string> {
  const body = { definition, correlationId, context };
  return (await api.post<{ sagaId: string }>('/api/v1/sagas', body)).body.sagaId;
}

async function list(api: Api, query: string): Promise<Page> {
  const path = `/api/v1/sagas?correlationId=${correlationId}&${query}`;
  return (await api.get<Page>(path)).body;
}

async function projection(api: Api): Promise<Projection> {
  const { body } = await api.get<{ projections: readonly Projection[] }>('/api/v1/projections');
  const [first] = body.projections;
  if (first === undefined) throw new Error('there is no projection');
  return first;
}

/** Waits until the rows have what is committed by now. */
async function caughtUp(api: Api): Promise<void> {
  const { head } = await projection(api);
  for (;;) {
    const { position, lag } = await projection(api);
    if (position >= head) return say('the read model', `position ${position}, lag ${lag}`);
  }
}
