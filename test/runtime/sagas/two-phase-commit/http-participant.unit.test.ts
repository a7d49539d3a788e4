import { createHttpService, twoPhaseParticipantRoutes } from 'potter-runtime/http';
import { httpParticipant, type TwoPhaseParticipant } from 'potter-runtime/sagas';
import { FakeTwoPhaseParticipant } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import { deferred } from '../../../support/deferred.ts';
import { fetchInto } from './fetch-into.ts';

const branch = { coordinator: 'tests', transactionId: 't-1' };
const call = { signal: new AbortController().signal };

async function serve(participant: TwoPhaseParticipant) {
  const service = await createHttpService({ name: 'north', version: '1' });
  twoPhaseParticipantRoutes(service, participant);
  return service;
}

test('times and large numbers arrive as they were sent, there in the work and back in the answer', async () => {
  const behind = new FakeTwoPhaseParticipant('north');
  const { app } = await serve(behind);
  const north = httpParticipant({
    name: 'north',
    url: 'http://north.test/two-phase',
    fetch: fetchInto(app),
  });
  const work = { at: new Date(0), pieces: 2n ** 60n };
  await north.prepare(branch, work, call);
  expect(await north.commit(branch, call)).toEqual({ by: 'north', work });
  expect(behind.committed).toEqual([work]);
});

test('headers are asked for with each request, and redirects are not followed: they would take them elsewhere', async () => {
  const sent: (RequestInit | undefined)[] = [];
  let token = 0;
  const north = httpParticipant({
    name: 'north',
    url: 'http://north.test',
    headers: () => ({ authorization: `Bearer ${(token += 1)}` }),
    fetch: async (_url, init) => {
      sent.push(init);
      return Response.json({ vote: 'prepared' });
    },
  });
  await north.prepare(branch, null, call);
  await north.abort(branch, call);
  expect(sent).toMatchObject([
    { headers: { authorization: 'Bearer 1' }, redirect: 'error' },
    { headers: { authorization: 'Bearer 2' }, redirect: 'error' },
  ]);
});

test('an answer that does not come in time is a failure, however patient the caller', async () => {
  const north = httpParticipant({
    name: 'north',
    url: 'http://north.test',
    timeout: 20,
    fetch: (_url, init) =>
      new Promise((_resolve, reject) => {
        const stop = (): void => reject(init?.signal?.reason as Error);
        init?.signal?.addEventListener('abort', stop, { once: true });
      }),
  });
  await expect(north.commit(branch, call)).rejects.toMatchObject({
    code: 'TWO_PHASE_PARTICIPANT_FAILED',
    details: { participant: 'north', operation: 'commit' },
  });
});

test('a participant is told when whoever called it has gone', async () => {
  const behind = new FakeTwoPhaseParticipant('north');
  const [begun, gone] = [deferred(), deferred()];
  behind.prepare = async (_branch, _work, { signal }) => {
    signal.addEventListener('abort', () => gone.resolve(), { once: true });
    begun.resolve();
    await gone.promise;
  };
  const service = await serve(behind);
  const url = await service.listen({ port: 0 });
  const caller = new AbortController();
  const north = httpParticipant({ name: 'north', url: `${url}/two-phase` });
  const prepared = north.prepare(branch, null, { signal: caller.signal });
  await begun.promise;
  caller.abort();
  await expect(prepared).rejects.toMatchObject({ code: 'TWO_PHASE_PARTICIPANT_FAILED' });
  await gone.promise;
  await service.close();
});
