import type { Feed, FeedBatch, FeedOptions } from '../../projections/feed.ts';
import type { JournalEntry } from '../saga-event.ts';
import type { SagaFeedItem } from '../saga-feed.ts';
import type { SagaStore } from '../saga-store.ts';
import { type PayloadCodec, sealText } from './payload-codec.ts';
import { openEntry, openInbox, openSaga, sealEvents, sealMessage } from './seal-saga.ts';

/** Options of {@link sealedSagaStore} and {@link sealedSagaFeed}. */
export interface SealingOptions {
  readonly payloadCodec: PayloadCodec;
}

/**
 * A store in which payloads are kept as a codec makes them: what sagas are started with and edited to, results, values of
 * signals; in journals, snapshots and inboxes. Names, times, errors, correlation ids and keys of locks stay readable, and the
 * fingerprint of a start is a hash of its input. Payloads from before there was a codec are read as they are. Every process
 * of the store needs the codec, and so does whoever reads its feed: {@link sealedSagaFeed}.
 */
export function sealedSagaStore<Tx>(
  store: SagaStore<Tx>,
  { payloadCodec: codec }: SealingOptions,
): SagaStore<Tx> {
  return {
    create: (saga, options) =>
      store.create({ ...saga, events: sealEvents(saga.events, codec) }, options),
    commit: async (commit, options) => {
      const { events, snapshot } = commit;
      const sealed = {
        ...commit,
        events: sealEvents(events, codec),
        ...(snapshot !== undefined && { snapshot: sealText(snapshot, codec) }),
      };
      const outcome = await store.commit(sealed, options);
      return outcome.kind === 'messages'
        ? { ...outcome, inbox: openInbox(outcome.inbox, codec) }
        : outcome;
    },
    claim: async (request) => {
      const outcome = await store.claim(request);
      if (outcome.kind !== 'claimed') return outcome;
      const sagas = outcome.sagas.map((saga) => ({
        ...openSaga(saga, codec),
        inbox: openInbox(saga.inbox, codec),
      }));
      return { ...outcome, sagas };
    },
    post: (sagaId, message) => store.post(sagaId, sealMessage(message, codec)),
    inbox: async (sagaId, seen) => openInbox(await store.inbox(sagaId, seen), codec),
    load: async (sagaId) => {
      const saga = await store.load(sagaId);
      return saga && openSaga(saga, codec);
    },
    journal: async (sagaId, options) =>
      (await store.journal(sagaId, options)).map((entry) => openEntry(entry, codec)),
    follow: (sagaId, options) => opened(store.follow(sagaId, options), codec),
    transaction: (work) => store.transaction(work),
    unclaimable: (definitions) => store.unclaimable(definitions),
    list: (filter, page) => store.list(filter, page),
    lockPlaces: (sagaId) => store.lockPlaces(sagaId),
    backlog: (definitions, now) => store.backlog(definitions, now),
    heartbeat: (workerId, ttlMs) => store.heartbeat(workerId, ttlMs),
    deregister: (workerId) => store.deregister(workerId),
    listen: (listener) => store.listen(listener),
    close: () => store.close(),
  };
}

/** The feed of a sealed store, opened: what read models are made of. */
export function sealedSagaFeed(
  feed: Feed<SagaFeedItem>,
  { payloadCodec: codec }: SealingOptions,
): Feed<SagaFeedItem> {
  return {
    head: () => feed.head(),
    subscribe: (options?: FeedOptions) => openedBatches(feed.subscribe(options), codec),
  };
}

async function* opened(
  entries: AsyncIterable<JournalEntry>,
  codec: PayloadCodec,
): AsyncGenerator<JournalEntry, void, undefined> {
  for await (const entry of entries) yield openEntry(entry, codec);
}

async function* openedBatches(
  batches: AsyncIterable<FeedBatch<SagaFeedItem>>,
  codec: PayloadCodec,
): AsyncGenerator<FeedBatch<SagaFeedItem>, void, undefined> {
  for await (const batch of batches) {
    const items = batch.items.map((item) => ({
      ...item,
      entries: item.entries.map((entry) => openEntry(entry, codec)),
    }));
    yield { ...batch, items };
  }
}
