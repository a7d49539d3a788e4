import type { ContractRule } from './contract.ts';
import { claimRules } from './saga-store-claim-rules.ts';
import { commitRules } from './saga-store-commit-rules.ts';
import { directoryRules } from './saga-store-directory-rules.ts';
import { limitRules } from './saga-store-limit-rules.ts';
import { liveRules } from './saga-store-live-rules.ts';
import { lockRules } from './saga-store-lock-rules.ts';
import { SagaStoreBench, type SagaStoreSubject } from './saga-store-subject.ts';

/**
 * The rules every saga store keeps, whatever it stands on.
 * @param subject called for each rule; may give the same store every time, because rules use definitions of their own.
 */
export function sagaStoreContract<Tx>(
  subject: () => SagaStoreSubject<Tx> | Promise<SagaStoreSubject<Tx>>,
): readonly ContractRule[] {
  return [
    ...commitRules<Tx>(),
    ...claimRules<Tx>(),
    ...liveRules<Tx>(),
    ...directoryRules<Tx>(),
    ...lockRules<Tx>(),
    ...limitRules<Tx>(),
  ].map(({ name, check }) => ({
    name,
    run: async () => check(new SagaStoreBench(await subject())),
  }));
}
