import { PotterError } from '../../errors/potter-error.ts';
import { abortError } from '../../foundation/sleep.ts';
import { type DiagramOptions, drawSaga } from '../diagram/saga-diagram.ts';
import { restore, type RestoredSaga } from '../machine/saga-snapshot.ts';
import type { DirectoryPage, SagaFilter, SagaListing } from '../saga-directory.ts';
import type { JournalEntry } from '../saga-event.ts';
import { historyOf, type SagaHistory } from '../saga-history.ts';
import type { SagaStore, StoredSaga } from '../saga-store.ts';
import { isFinished, isSettled } from '../saga-status.ts';
import { type SagaView, viewOf, withLockPlaces } from '../saga-view.ts';
import type { DefinitionRegistry } from './definition-registry.ts';
import { journalEvents } from './journal-events.ts';

/** What looking at sagas needs of a store. */
type ReadStore = Pick<SagaStore, 'load' | 'journal' | 'follow' | 'list' | 'lockPlaces'>;

/** How an engine shows sagas: from the store alone, whoever runs them. */
export class SagaReader {
  readonly #store: ReadStore;
  readonly #definitions: Pick<DefinitionRegistry, 'get' | 'runs' | 'versions'>;

  constructor(
    store: ReadStore,
    definitions: Pick<DefinitionRegistry, 'get' | 'runs' | 'versions'>,
  ) {
    this.#store = store;
    this.#definitions = definitions;
  }

  async get(sagaId: string): Promise<SagaView> {
    const saga = await this.stored(sagaId);
    const { state } = await this.restored(saga);
    const { definition, definitionVersion, status } = state;
    const missing = !isFinished(status) && !this.#definitions.runs(definition, definitionVersion);
    const view = await withLockPlaces(viewOf(sagaId, state), this.#store);
    return {
      ...view,
      ...(missing && { versionMissing: true }),
      ...(saga.unheard && { unheard: true }),
    };
  }

  async history(sagaId: string): Promise<SagaHistory> {
    const journal = await this.#store.journal(sagaId);
    if (journal.length === 0) throw sagaNotFound(sagaId);
    return { sagaId, history: historyOf(journal.map(({ event }) => event)) };
  }

  async *events(
    sagaId: string,
    options: { readonly after?: bigint; readonly signal?: AbortSignal } = {},
  ): AsyncIterable<JournalEntry> {
    const saga = await this.stored(sagaId);
    const { after = 0n, signal } = options;
    yield* journalEvents(this.#store, saga, { after, signal });
  }

  async settled(
    sagaId: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<SagaView> {
    for (;;) {
      for await (const _ of this.events(sagaId, options)) {
        // Only the end matters here.
      }
      if (options.signal?.aborted) throw abortError(options.signal);
      const view = await this.get(sagaId);
      // Resumed or undone after its end was read, it has another one before it.
      if (isSettled(view.status)) return view;
    }
  }

  async diagram(sagaId: string, options: DiagramOptions = {}): Promise<string> {
    const saga = await this.stored(sagaId);
    const { state } = await this.restored(saga);
    const definition = this.#definitions.get(saga.definition, saga.definitionVersion);
    const { history } = options.format === 'html' ? await this.history(sagaId) : { history: [] };
    return drawSaga(definition, { sagaId, state }, history, options);
  }

  async list(
    filter: Omit<SagaFilter, 'unknownTo'> & { readonly runnable?: false } = {},
    { after, limit = 100 }: Partial<DirectoryPage> = {},
  ): Promise<readonly SagaListing[]> {
    const { runnable, ...rest } = filter;
    const { versions: unknownTo } = this.#definitions;
    return this.#store.list(
      { ...rest, ...(runnable === false && { unknownTo }) },
      { limit, ...(after !== undefined && { after }) },
    );
  }

  async stored(sagaId: string): Promise<StoredSaga> {
    const saga = await this.#store.load(sagaId);
    if (!saga) throw sagaNotFound(sagaId);
    return saga;
  }

  restored(saga: StoredSaga): Promise<RestoredSaga> {
    return restore(saga, (sagaId) => this.#store.journal(sagaId));
  }
}

export function sagaNotFound(sagaId: string): PotterError {
  return new PotterError('SAGA_NOT_FOUND', {
    message: `There is no saga '${sagaId}'.`,
    details: { sagaId },
  });
}
