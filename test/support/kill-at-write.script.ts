/**
 * Loaded before a program (`node --import`): lets it die around any durable write to its database, without the program
 * knowing. A message `{ killAt }` has it count from then on: before a write is sent, while it is on its way, and when it is
 * durable but nobody here has heard of it yet. At point `killAt` the process kills itself; a message `count` is answered
 * with the points passed.
 */
import { Client } from 'pg';

type Query = (this: Client, ...args: unknown[]) => unknown;

const WRITES = /\b(?:INSERT INTO|UPDATE|DELETE FROM)\b/i;
/** Says that a process lives, and nothing of what it did. */
const HEARTBEAT = /\bINSERT INTO potter\.saga_workers\b/i;

const send = Reflect.get(Client.prototype, 'query') as Query;
/** Clients in a transaction, and whether that wrote. */
const transactions = new WeakMap<Client, { wrote: boolean }>();
let killAt = 0;
let passed = 0;
let counts = false;

process.on('message', (message: { readonly killAt: number } | 'count') => {
  if (message === 'count') {
    process.send?.(passed);
    return;
  }
  ({ killAt } = message);
  counts = true;
  process.send?.('counting');
});
// Nobody is kept alive by being listened to.
process.channel?.unref();

function pass(): void {
  if (!counts) return;
  passed += 1;
  if (passed === killAt) process.kill(process.pid, 'SIGKILL');
}

/** Whether something is durable once this statement is done. */
function isDurable(client: Client, text: string): boolean {
  const open = transactions.get(client);
  const word = text.trimStart().slice(0, 8).toUpperCase();
  if (word.startsWith('BEGIN')) transactions.set(client, { wrote: false });
  if (word.startsWith('COMMIT') || word.startsWith('ROLLBACK')) transactions.delete(client);
  const writes = WRITES.test(text) && !HEARTBEAT.test(text);
  if (open === undefined) return writes;
  open.wrote ||= writes;
  return word.startsWith('COMMIT') && open.wrote;
}

function textOf(statement: unknown): string {
  if (typeof statement === 'string') return statement;
  const { text } = (statement ?? {}) as { readonly text?: unknown };
  return typeof text === 'string' ? text : '';
}

const watched: Query = function (...args) {
  if (!isDurable(this, textOf(args[0]))) return send.apply(this, args);
  pass();
  const callback = args.at(-1);
  const told =
    typeof callback === 'function'
      ? args.with(args.length - 1, (...answer: unknown[]) => {
          pass();
          (callback as (...answer: unknown[]) => void)(...answer);
        })
      : args;
  const sent = send.apply(this, told);
  setImmediate(() => setImmediate(pass));
  return sent instanceof Promise ? sent.finally(pass) : sent;
};
Reflect.set(Client.prototype, 'query', watched);
