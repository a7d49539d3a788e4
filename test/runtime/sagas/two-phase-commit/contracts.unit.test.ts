import { createHttpService } from 'potter-runtime/http';
import { twoPhaseParticipantRoutes } from 'potter-runtime/http';
import { httpParticipant, InMemoryTwoPhaseLog } from 'potter-runtime/sagas';
import {
  FakeTwoPhaseParticipant,
  twoPhaseLogContract,
  twoPhaseParticipantContract,
} from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { fetchInto } from './fetch-into.ts';

describe('in-memory log', () => {
  const rules = twoPhaseLogContract(() => {
    const log = new InMemoryTwoPhaseLog();
    return { log, other: log };
  });
  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(12);
  });
});

function fake(): FakeTwoPhaseParticipant {
  const participant = new FakeTwoPhaseParticipant('fake');
  participant.refuses = (work) => work === 'too much';
  return participant;
}

describe('fake participant', () => {
  const participant = fake();
  const rules = twoPhaseParticipantContract(() => ({
    participant,
    other: participant,
    work: (effect) => ({ effect }),
    refused: 'too much',
    effects: async (effect) =>
      participant.committed.filter((work) => JSON.stringify(work) === JSON.stringify({ effect }))
        .length,
  }));
  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(10);
  });
});

describe('a participant behind HTTP', async () => {
  const behind = fake();
  const service = await createHttpService({ name: 'north', version: '1' });
  twoPhaseParticipantRoutes(service, behind, { prefix: '/internal/two-phase' });
  const reach = () =>
    httpParticipant({
      name: 'fake',
      url: 'http://north.test/internal/two-phase/',
      fetch: fetchInto(service.app),
    });
  const rules = twoPhaseParticipantContract(() => ({
    participant: reach(),
    other: reach(),
    work: (effect) => ({ effect, at: new Date(0) }),
    refused: 'too much',
    effects: async (effect) =>
      behind.committed.filter((work) => (work as { effect?: string }).effect === effect).length,
  }));
  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(10);
  });
});
