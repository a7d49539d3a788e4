import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import { childIdOf } from '../../sagas/nodes/child.ts';
import type { JournalEntry, SagaStatus } from '../../sagas/saga-event.ts';
import { isSettled } from '../../sagas/saga-status.ts';
import type { SagaStore } from '../../sagas/saga-store.ts';

/** A saga and its place in the tree of the sagas within it. */
export interface FamilyMember {
  readonly sagaId: string;
  readonly definition: SagaDefinition<unknown, never>;
  readonly parent: FamilyMember | null;
}

/** The same, as the store has it. */
export interface StoredMember extends FamilyMember {
  readonly status: SagaStatus;
  readonly journal: readonly JournalEntry[];
}

/** A saga and all that may be within it. */
export function* familyOf(
  sagaId: string,
  definition: SagaDefinition<unknown, never>,
  parent: FamilyMember | null = null,
): Generator<FamilyMember, void, undefined> {
  const member = { sagaId, definition, parent };
  yield member;
  for (const node of definition.attempted.values()) {
    if (node.kind === 'child') {
      yield* familyOf(childIdOf(sagaId, node.path, 0), node.definition, member);
    }
  }
}

/** Those of a family that exist, with their journals. */
export async function storedFamily(
  store: Pick<SagaStore, 'load' | 'journal'>,
  family: Iterable<FamilyMember>,
): Promise<readonly StoredMember[]> {
  const members: StoredMember[] = [];
  for (const member of family) {
    const saga = await store.load(member.sagaId);
    if (!saga) continue;
    const journal = await store.journal(member.sagaId);
    members.push({ ...member, status: saga.summary.status, journal });
  }
  return members;
}

/** Resolves when a saga is settled and whoever waits for it has been told; at once when there is none, or `signal` fires. */
export async function wholeEnd(
  store: Pick<SagaStore, 'load' | 'follow'>,
  sagaId: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const saga = await store.load(sagaId);
    if (!saga || (isSettled(saga.summary.status) && saga.summary.wakeAt === null)) return;
    const after = saga.tail.at(-1)?.seq ?? saga.snapshot?.seq ?? 0n;
    const { value, done } = await nextOf(store.follow(sagaId, { after, signal }));
    if (done || value === undefined) return;
  }
}

async function nextOf<T>(entries: AsyncIterable<T>): Promise<IteratorResult<T, undefined>> {
  for await (const value of entries) return { done: false, value };
  return { done: true, value: undefined };
}
