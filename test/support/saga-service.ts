import {
  createHttpService,
  type HttpService,
  InMemoryIdempotencyStore,
  sagaRoutes,
  type SagaRoutesOptions,
} from 'potter-runtime/http';
import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
  type SagaDefinition,
  type SagaEngine,
} from 'potter-runtime/sagas';

/** A service that listens, with the routes of sagas that run in its memory. */
export interface SagaService {
  readonly service: HttpService;
  readonly store: InMemorySagaStore;
  readonly engine: SagaEngine<InMemoryTransaction>;
  /** Where its sagas are. */
  readonly url: string;
}

export async function startSagaService(
  definitions: readonly SagaDefinition<unknown, InMemoryTransaction>[],
  options: SagaRoutesOptions = {},
): Promise<SagaService> {
  const service = await createHttpService({
    name: 'orders',
    version: '1.0.0',
    idempotency: new InMemoryIdempotencyStore(),
  });
  const store = new InMemorySagaStore();
  const engine = createSagaEngine({ store, definitions });
  sagaRoutes(service, engine, options);
  await engine.run();
  const url = `${await service.listen({ port: 0 })}/api/v1/sagas`;
  return { service, store, engine, url };
}

/** What it answered, its body read. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, body: await response.json() };
}
