import assert from 'node:assert/strict';
import type { SagaFilter } from '../../sagas/saga-directory.ts';
import { messageBits } from '../../sagas/saga-message.ts';
import type { SagaSummary } from '../../sagas/saga-store.ts';
import { type SagaStoreBench, type SagaStoreRule, started, summary } from './saga-store-subject.ts';

/** Lists of sagas, and what gauges ask. */
export function directoryRules<Tx>(): readonly SagaStoreRule<Tx>[] {
  return [
    {
      name: 'lists sagas by everything that a filter names, and only those for which all of it holds',
      check: async (bench) => {
        const at = new Date(bench.now.getTime() + 60_000);
        const [plain, failed, paused, done, later] = [
          await bench.free(),
          // It takes a resume, as what is paused does.
          await free(bench, 'failed', {
            currentStep: 'pay',
            accepts: messageBits('resume'),
            wakeAt: null,
          }),
          await free(bench, 'running', { accepts: messageBits('resume'), wakeAt: null }),
          await free(bench, 'completed', { wakeAt: null, finishedAt: bench.now }),
          await bench.free({
            definitionVersion: 2,
            correlationId: 'other',
            events: [{ ...started(bench.definition), at }],
          }),
        ];
        const list = async (filter: SagaFilter): Promise<readonly string[]> =>
          idsOf(bench, { definition: bench.definition, ...filter });
        assert.deepEqual(await list({}), [plain, failed, paused, done, later].sort());
        assert.deepEqual(await list({ status: ['failed'] }), [failed]);
        assert.deepEqual(await list({ status: ['failed', 'completed'] }), [failed, done].sort());
        assert.deepEqual(await list({ paused: true }), [paused]);
        assert.deepEqual(await list({ paused: false, status: ['running', 'failed'] }), [failed]);
        assert.deepEqual(await list({ currentStep: 'pay' }), [failed]);
        assert.deepEqual(await list({ definitionVersion: 2 }), [later]);
        assert.deepEqual(await list({ correlationId: 'other' }), [later]);
        assert.deepEqual(await list({ startedFrom: at }), [later]);
        assert.deepEqual(await list({ startedBefore: at }), [plain, failed, paused, done].sort());
        assert.deepEqual(await list({ status: ['failed'], definitionVersion: 2 }), []);
        const unknownTo = [{ name: bench.definition, version: 2 }];
        assert.deepEqual(await list({ unknownTo }), [plain, failed, paused].sort());
        assert.deepEqual(await idsOf(bench, { definition: 'nobody has this' }), []);
      },
    },
    {
      name: 'lists a saga as claims know it',
      check: async (bench) => {
        const error = { code: 'NO', message: 'No.', step: 'pay' };
        const sagaId = await free(bench, 'failed', { currentStep: 'pay', error, wakeAt: null });
        const [listed] = await bench.store.list({ definition: bench.definition }, { limit: 10 });
        assert.deepEqual(listed, {
          sagaId,
          definition: bench.definition,
          definitionVersion: 1,
          correlationId: 'correlation-1',
          status: 'failed',
          paused: false,
          currentStep: 'pay',
          error,
          startedAt: bench.now,
          updatedAt: bench.now,
          finishedAt: null,
        });
      },
    },
    {
      name: 'pages by the id after which to go on, so that members that leave the list hide none that stay',
      check: async (bench) => {
        const ids = await Promise.all(Array.from({ length: 7 }, () => bench.free()));
        const seen: string[] = [];
        for (;;) {
          const after = seen.at(-1);
          const page = await bench.store.list(
            { definition: bench.definition, status: ['pending'] },
            { limit: 3, ...(after !== undefined && { after }) },
          );
          seen.push(...page.map(({ sagaId }) => sagaId));
          if (page.length < 3) break;
          await finish(bench);
        }
        // What was finished meanwhile is not listed any more; of the rest nothing is missing.
        assert.ok(seen.length >= 4);
        assert.deepEqual(seen, [...new Set(seen)].sort());
        const left = await idsOf(bench, { definition: bench.definition, status: ['pending'] });
        assert.ok(left.every((id) => seen.includes(id)));
        assert.ok(ids.length > left.length);
      },
    },
    {
      name: 'counts what waits for a person, and knows since when the oldest due saga waits for a worker',
      check: async (bench) => {
        const mine = [{ name: bench.definition, version: 1 }];
        const before = await bench.store.backlog(mine, bench.now);
        assert.equal(before.oldestDueAt, null);
        await free(bench, 'failed', { wakeAt: null });
        const old = new Date(bench.now.getTime() - 5_000);
        await bench.free();
        await bench.free({ summary: summary('pending', { wakeAt: old }) });
        const sleeps = new Date(bench.now.getTime() + 60_000);
        await bench.free({ summary: summary('running', { wakeAt: sleeps }) });
        const after = await bench.store.backlog(mine, bench.now);
        assert.equal(after.failed, before.failed + 1);
        assert.deepEqual(after.oldestDueAt, old);
        assert.equal((await bench.store.backlog([], bench.now)).oldestDueAt, null);
        await bench.claim(await bench.worker());
        assert.equal((await bench.store.backlog(mine, bench.now)).oldestDueAt, null);
      },
    },
  ];
}

function free<Tx>(
  bench: SagaStoreBench<Tx>,
  status: SagaSummary['status'],
  overrides: Partial<SagaSummary>,
): Promise<string> {
  return bench.free({ summary: summary(status, overrides) });
}

async function idsOf<Tx>(
  bench: SagaStoreBench<Tx>,
  filter: SagaFilter,
): Promise<readonly string[]> {
  const found = await bench.store.list(filter, { limit: 1_000 });
  return found.map(({ sagaId }) => sagaId);
}

/** One of the sagas comes to its end. */
async function finish<Tx>(bench: SagaStoreBench<Tx>): Promise<void> {
  const [saga] = await bench.claim(await bench.worker(), { limit: 1 });
  assert.ok(saga);
  const over = summary('completed', { wakeAt: null, finishedAt: bench.now });
  const commit = bench.commitOf(saga.sagaId, saga.lease, { summary: over, release: true });
  assert.equal((await bench.store.commit(commit)).kind, 'committed');
}
