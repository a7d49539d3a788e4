import { randomUUID } from 'node:crypto';
import { chapter, money, play, refusal, say } from './story.ts';

interface Account {
  readonly balanceCents: number;
  readonly version: number;
}
interface EventPage {
  readonly events: readonly {
    readonly version: number;
    readonly type: string;
    readonly data: object;
  }[];
}

await play(async (api, any) => {
  const run = randomUUID().slice(0, 8);
  const [ada, bob] = [`ada-${run}`, `bob-${run}`];
  const path = `/api/v1/accounts/${ada}`;

  chapter('Two accounts');
  await api.post('/api/v1/accounts', { accountNumber: ada, ownerName: 'Ada' });
  await api.post('/api/v1/accounts', { accountNumber: bob, ownerName: 'Bob' });
  const deposited = await api.post<Account>(`${path}/deposit`, { amountCents: 50_000 });
  say('Ada deposits 500.00', `balance ${money(deposited.body.balanceCents)}`);
  const withdrawn = await api.post<Account>(`${path}/withdraw`, { amountCents: 12_000 });
  say('Ada withdraws 120.00', `balance ${money(withdrawn.body.balanceCents)}`);
  const transfer = { fromAccount: ada, toAccount: bob, amountCents: 8_000 };
  const moved = await api.post<{ from: Account; to: Account }>('/api/v1/transfers', transfer);
  const { from, to } = moved.body;
  say(
    'Ada sends Bob 80.00, in one commit',
    `Ada ${money(from.balanceCents)}, Bob ${money(to.balanceCents)}`,
  );

  chapter('What is refused');
  const broke = await any.post(`${path}/withdraw`, { amountCents: 1_000_000 });
  say('Ada withdraws 10,000.00', refusal(broke, 'INSUFFICIENT_FUNDS'));
  const stale = await any.post(`${path}/deposit`, { amountCents: 1 }, { 'if-match': '"1"' });
  say('A deposit onto version 1, which is long past', refusal(stale, 'PRECONDITION_FAILED'));

  chapter('What is repeated');
  const key = { 'idempotency-key': randomUUID() };
  await api.post(`${path}/deposit`, { amountCents: 2_500 }, key);
  const again = await api.post<Account>(`${path}/deposit`, { amountCents: 2_500 }, key);
  say('25.00 sent twice with one Idempotency-Key', `balance ${money(again.body.balanceCents)}`);
  const began = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => api.post(`${path}/deposit`, { amountCents: 1 })),
  );
  const accepted = answers.filter(({ status }) => status === 200).length;
  const ms = Math.round(performance.now() - began);
  const now = (await api.get<Account>(path)).body;
  say(
    `200 deposits of 0.01 at once, ${accepted} accepted`,
    `balance ${money(now.balanceCents)}, ${ms} ms`,
  );

  chapter("Ada's history, and what it says about the past");
  const { body } = await api.get<EventPage>(`${path}/events?limit=5`);
  for (const { version, type, data } of body.events) {
    say(`${version}  ${type}`, brief(data));
  }
  say(`…  up to version ${now.version}`);
  const then = (await api.get<Account>(`${path}?version=2`)).body;
  say('The account at version 2', `balance ${money(then.balanceCents)}`);
});

/** What an event says, without the id of its transfer. */
function brief(data: object): string {
  const told = Object.entries(data).filter(([name]) => name !== 'transferId');
  return told.map(([name, value]) => `${name} ${String(value)}`).join(', ');
}
