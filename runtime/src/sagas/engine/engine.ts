import type { Duration } from '../../foundation/duration.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Signal } from '../definition/signal.ts';
import type { DiagramOptions } from '../diagram/saga-diagram.ts';
import type { DirectoryPage, SagaFilter, SagaListing } from '../saga-directory.ts';
import type { SagaEngine, SagaEngineOptions, StartedSaga, StartOptions } from '../saga-engine.ts';
import type { JournalEntry } from '../saga-event.ts';
import type { SagaHistory } from '../saga-history.ts';
import type {
  BulkOptions,
  BulkOutcome,
  EditOptions,
  SagaAction,
  SkipOptions,
  TellOptions,
  Told,
  UndoOptions,
} from '../saga-operations.ts';
import type { SagaView } from '../saga-view.ts';
import { engineContext } from './engine-context.ts';
import { Orchestrator } from './orchestrator.ts';
import { SagaControl } from './saga-control.ts';
import { SagaReader } from './saga-reader.ts';

/** An engine: one part that runs sagas, one that shows them, one that tells them. */
export class Engine<Tx> implements SagaEngine<Tx> {
  readonly #orchestrator: Orchestrator<Tx>;
  readonly #reader: SagaReader;
  readonly #control: SagaControl;

  constructor(options: SagaEngineOptions<Tx>) {
    const context = engineContext(options);
    const { store, definitions, clock } = context;
    this.#orchestrator = new Orchestrator(context, options.workerId);
    this.#reader = new SagaReader(store, definitions);
    this.#control = new SagaControl(store, this.#reader, definitions, clock);
  }

  start<Input>(
    definition: SagaDefinition<Input, Tx>,
    input: NoInfer<Input>,
    options?: StartOptions<Tx>,
  ): Promise<StartedSaga> {
    return this.#orchestrator.start<Input>(definition, input, options);
  }

  run(): Promise<void> {
    return this.#orchestrator.run();
  }

  stop(options?: { readonly timeout?: Duration }): Promise<void> {
    return this.#orchestrator.stop(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get(sagaId: string): Promise<SagaView> {
    return this.#reader.get(sagaId);
  }

  history(sagaId: string): Promise<SagaHistory> {
    return this.#reader.history(sagaId);
  }

  events(
    sagaId: string,
    options?: { readonly after?: bigint; readonly signal?: AbortSignal },
  ): AsyncIterable<JournalEntry> {
    return this.#reader.events(sagaId, options);
  }

  settled(sagaId: string, options?: { readonly signal?: AbortSignal }): Promise<SagaView> {
    return this.#reader.settled(sagaId, options);
  }

  diagram(sagaId: string, options?: DiagramOptions): Promise<string> {
    return this.#reader.diagram(sagaId, options);
  }

  list(
    filter?: Omit<SagaFilter, 'unknownTo'> & { readonly runnable?: false },
    page?: Partial<DirectoryPage>,
  ): Promise<readonly SagaListing[]> {
    return this.#reader.list(filter, page);
  }

  cancel(sagaId: string, options?: TellOptions): Promise<Told> {
    return this.#control.cancel(sagaId, options);
  }

  pause(sagaId: string, options?: TellOptions): Promise<Told> {
    return this.#control.pause(sagaId, options);
  }

  resume(sagaId: string, options?: TellOptions): Promise<Told> {
    return this.#control.resume(sagaId, options);
  }

  rewind(sagaId: string, step: string, options?: TellOptions): Promise<Told> {
    return this.#control.rewind(sagaId, step, options);
  }

  skip(sagaId: string, step: string, options?: SkipOptions): Promise<Told> {
    return this.#control.skip(sagaId, step, options);
  }

  edit(sagaId: string, input: unknown, options?: EditOptions): Promise<Told> {
    return this.#control.edit(sagaId, input, options);
  }

  undo(sagaId: string, options?: UndoOptions): Promise<Told> {
    return this.#control.undo(sagaId, options);
  }

  signal<Value>(
    sagaId: string,
    signal: Signal<Value>,
    value: NoInfer<Value>,
    options?: TellOptions,
  ): Promise<Told> {
    return this.#control.signal<Value>(sagaId, signal, value, options);
  }

  tell(sagaId: string, action: SagaAction, options?: TellOptions): Promise<Told> {
    return this.#control.tell(sagaId, action, options);
  }

  bulk(filter: SagaFilter, action: SagaAction, options?: BulkOptions): AsyncIterable<BulkOutcome> {
    return this.#control.bulk(filter, action, options);
  }
}
