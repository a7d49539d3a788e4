/** What can be told to a saga from outside its owner. */
export type MessageKind = SagaMessage['kind'];

interface Told {
  /** The same message again is heard once. */
  readonly messageId: string;
  readonly at: Date;
  /** Who said it, for the audit trail. */
  readonly by?: string;
  /** Why, for the audit trail. */
  readonly reason?: string;
}

/** Something told to a saga from outside its owner. The store keeps messages in order of arrival per saga. */
export type SagaMessage =
  /** Undo what was done. */
  | (Told & { readonly kind: 'cancel' })
  /** Begin no further attempts until resumed. */
  | (Told & { readonly kind: 'pause' })
  /** Go on: after a pause, or where a failed saga gave up. */
  | (Told & { readonly kind: 'resume' })
  /** Undo back to a step, a choice or a wait, it included, and go forward again from there under new keys. */
  | (Told & { readonly kind: 'rewind'; readonly step: string })
  /** Take a step that gave up or waits as done, with this result; while undoing: as undone. */
  | (Told & { readonly kind: 'skip'; readonly step: string; readonly result?: unknown })
  /** Replace what the saga was started with; with `merge` only the members that are named. */
  | (Told & { readonly kind: 'edit'; readonly input: unknown; readonly merge?: boolean })
  /** Undo, also when it is completed. */
  | (Told & { readonly kind: 'undo' })
  /** The same, also past its pivot: what can be undone is. */
  | (Told & { readonly kind: 'force-undo' })
  /** Its turn has come: the keys it waited for are its own. Said by the store, in the commit that made it so. */
  | (Told & { readonly kind: 'locked' })
  /** Something that a saga waits for, or will. */
  | (Told & { readonly kind: 'signal'; readonly name: string; readonly value?: unknown });

/** What a saga can be told in its present state is a sum of these: one small number for a store to keep and to compare. */
export const MESSAGE_BITS: Readonly<Record<MessageKind, number>> = {
  cancel: 1,
  pause: 2,
  resume: 4,
  rewind: 8,
  skip: 16,
  edit: 32,
  undo: 64,
  'force-undo': 128,
  signal: 256,
  locked: 512,
};

/** Whether a set of kinds has this one. */
export function accepts(kinds: number, kind: MessageKind): boolean {
  return (kinds & MESSAGE_BITS[kind]) !== 0;
}

/** A set of kinds. */
export function messageBits(...kinds: readonly MessageKind[]): number {
  return kinds.reduce((sum, kind) => sum | MESSAGE_BITS[kind], 0);
}
