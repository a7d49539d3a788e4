import { newId } from '../../foundation/ids.ts';
import type { ContractRule } from './contract.ts';
import { appendRules } from './event-store-append-rules.ts';
import { readRules } from './event-store-read-rules.ts';
import type { EventStoreRule, EventStoreSubject } from './event-store-subject.ts';
import { subscriptionRules } from './event-store-subscription-rules.ts';
import { transactionRules } from './event-store-transaction-rules.ts';

/**
 * The rules every event store keeps, whatever it stands on.
 * @param subject called for each rule; may give the same store every time, because rules use categories of their own.
 * @param capabilities what the store can do beyond the port; the rules for what it cannot are left out.
 */
export function eventStoreContract<Tx>(
  subject: () => EventStoreSubject<Tx> | Promise<EventStoreSubject<Tx>>,
  capabilities: { readonly transactions: boolean },
): readonly ContractRule[] {
  const rules: readonly EventStoreRule<Tx>[] = [
    ...appendRules<Tx>(),
    ...readRules<Tx>(),
    ...subscriptionRules<Tx>(),
    ...(capabilities.transactions ? transactionRules<Tx>() : []),
  ];
  return rules.map(({ name, check }) => ({
    name,
    run: async () => check(await subject(), `contract-${newId()}`),
  }));
}
