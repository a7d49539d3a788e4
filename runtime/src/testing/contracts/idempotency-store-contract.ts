import assert from 'node:assert/strict';
import { Rejection } from '../../errors/rejection.ts';
import { isPotterError } from '../../errors/potter-error.ts';
import { newId } from '../../foundation/ids.ts';
import type {
  IdempotencyStore,
  OnceOptions,
  RememberedResponse,
  RequestIdentity,
} from '../../http/idempotency/idempotency-store.ts';
import type { ContractRule } from './contract.ts';

/** What the rules are tried on. */
export interface IdempotencyStoreSubject<Tx> {
  readonly store: IdempotencyStore<Tx>;
  /** Two stores on one database stand for two processes; the same store twice where there is only one process. */
  readonly other: IdempotencyStore<Tx>;
  /** Writes something in the transaction that can be counted later. */
  effect(transaction: Tx, name: string): Promise<void>;
  /** How often an effect is there, as others see it. */
  count(name: string): Promise<number>;
  /** Whether effects of work that fails are undone. */
  readonly isTransactional: boolean;
}

const OK: RememberedResponse = {
  status: 201,
  headers: { location: '/things/1', 'content-type': 'application/json; charset=utf-8' },
  body: '{"b":1,  "a":"ü\\u0000"}',
};

const REFUSED: RememberedResponse = { status: 409, headers: {}, body: '{"code":"NO"}' };

/** As the chassis does it: refusals by the domain are remembered, everything else is not. */
const options: OnceOptions = {
  refusal: (error) => (error instanceof Rejection ? REFUSED : undefined),
};

const identity = (key: string, fingerprint = 'f-1', scope = ''): RequestIdentity => ({
  key,
  scope,
  fingerprint,
});

/** The rules every store of Idempotency-Keys keeps. Rules use keys of their own, so a subject may be shared. */
export function idempotencyStoreContract<Tx>(
  open: () => IdempotencyStoreSubject<Tx> | Promise<IdempotencyStoreSubject<Tx>>,
): readonly ContractRule[] {
  const rule = (
    name: string,
    check: (subject: IdempotencyStoreSubject<Tx>, key: string) => Promise<void>,
  ): ContractRule => ({ name, run: async () => check(await open(), newId()) });

  const doing =
    (subject: IdempotencyStoreSubject<Tx>, name: string, response: RememberedResponse = OK) =>
    async (transaction: Tx): Promise<RememberedResponse> => {
      await subject.effect(transaction, name);
      return response;
    };

  return [
    rule(
      'does the work once and gives its answer each time, byte for byte',
      async (subject, key) => {
        const work = doing(subject, key);
        const first = await subject.store.once(identity(key), work, options);
        assert.deepEqual(first, { response: OK, replayed: false });
        const second = await subject.other.once(identity(key), work, options);
        assert.deepEqual(second, { response: OK, replayed: true });
        assert.equal(await subject.count(key), 1);
      },
    ),
    rule('remembers an answer without a body', async (subject, key) => {
      const response = { status: 204, headers: {}, body: null };
      await subject.store.once(identity(key), doing(subject, key, response), options);
      const again = await subject.store.once(identity(key), doing(subject, key), options);
      assert.deepEqual(again, { response, replayed: true });
    }),
    rule('refuses the key with another fingerprint, and does nothing', async (subject, key) => {
      await subject.store.once(identity(key), doing(subject, key), options);
      const reused = subject.other.once(identity(key, 'f-2'), doing(subject, key), options);
      await assert.rejects(reused, (error) => isPotterError(error, 'IDEMPOTENCY_KEY_REUSED'));
      assert.equal(await subject.count(key), 1);
    }),
    rule('keeps scopes apart', async (subject, key) => {
      await subject.store.once(identity(key, 'f-1', 'ada'), doing(subject, key), options);
      const bob = await subject.store.once(
        identity(key, 'f-2', 'bob'),
        doing(subject, key),
        options,
      );
      assert.equal(bob.replayed, false);
      assert.equal(await subject.count(key), 2);
    }),
    rule(
      'lets 20 requests at once, from two processes, have one effect and one answer',
      async (subject, key) => {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            (i % 2 === 0 ? subject.store : subject.other).once(
              identity(key),
              doing(subject, key),
              options,
            ),
          ),
        );
        assert.equal(outcomes.filter(({ replayed }) => !replayed).length, 1);
        for (const { response } of outcomes) assert.deepEqual(response, OK);
        assert.equal(await subject.count(key), 1);
      },
    ),
    rule('remembers a refusal, without the effects of the refused work', async (subject, key) => {
      let runs = 0;
      const refused = async (transaction: Tx): Promise<RememberedResponse> => {
        runs += 1;
        await subject.effect(transaction, key);
        throw new Rejection('NO', 'No.');
      };
      const first = await subject.store.once(identity(key), refused, options);
      assert.deepEqual(first, { response: REFUSED, replayed: false });
      const second = await subject.other.once(identity(key), refused, options);
      assert.deepEqual(second, { response: REFUSED, replayed: true });
      assert.equal(runs, 1);
      if (subject.isTransactional) assert.equal(await subject.count(key), 0);
    }),
    rule(
      'remembers nothing of any other failure: the next one with the key does the work',
      async (subject, key) => {
        const failure = new Error('outage');
        const failing = async (transaction: Tx): Promise<RememberedResponse> => {
          await subject.effect(transaction, `${key}-failed`);
          throw failure;
        };
        await assert.rejects(subject.store.once(identity(key), failing, options), failure);
        if (subject.isTransactional) assert.equal(await subject.count(`${key}-failed`), 0);
        const next = await subject.other.once(identity(key, 'f-2'), doing(subject, key), options);
        assert.equal(next.replayed, false);
      },
    ),
    rule(
      'gives those who waited for a failure their own turn, one after the other',
      async (subject, key) => {
        let runs = 0;
        const failsTwice = async (transaction: Tx): Promise<RememberedResponse> => {
          runs += 1;
          if (runs < 3) throw new Error(`outage ${runs}`);
          await subject.effect(transaction, key);
          return OK;
        };
        const settled = await Promise.allSettled(
          Array.from({ length: 6 }, () => subject.store.once(identity(key), failsTwice, options)),
        );
        assert.equal(settled.filter(({ status }) => status === 'rejected').length, 2);
        assert.equal(runs, 3);
        assert.equal(await subject.count(key), 1);
      },
    ),
  ];
}
