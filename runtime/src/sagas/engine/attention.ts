import type { SagaState } from '../machine/saga-state.ts';
import type { SagaBacklog, SagaDirectory } from '../saga-directory.ts';
import { viewOf } from '../saga-view.ts';
import { type EngineContext, errorFields } from './engine-context.ts';

/** For so long one answer serves all who ask: several gauges, several scrapers. */
const FRESH_MS = 1_000;

/** Says in the log that a person must look, and calls the hook of the engine's owner; whatever comes of it, the saga waits. */
export function tellPerson(
  { onAttention, logger }: Pick<EngineContext<never>, 'onAttention' | 'logger'>,
  sagaId: string,
  state: SagaState,
): void {
  const view = viewOf(sagaId, state);
  const { definition, status, error, correlationId } = view;
  logger.error('A saga gave up.', {
    sagaId,
    definition,
    status,
    correlationId,
    ...(error && { code: error.code, step: error.step, reason: error.message }),
  });
  if (!onAttention) return;
  void (async () => onAttention(view))().catch((error: unknown) => {
    logger.error('onAttention failed; the saga waits for a person all the same.', {
      sagaId,
      ...errorFields(error),
    });
  });
}

/** Gauges of what waits, in the whole store: asked when somebody looks. */
export function watchBacklog(
  context: Pick<EngineContext<never>, 'definitions' | 'clock' | 'metrics'> & {
    readonly store: Pick<SagaDirectory, 'backlog'>;
  },
): void {
  const { store, definitions, clock, metrics } = context;
  let asked: { readonly atMs: number; readonly answer: Promise<SagaBacklog> } | undefined;
  const backlog = (): Promise<SagaBacklog> => {
    const now = clock.now();
    if (!asked || now.getTime() - asked.atMs > FRESH_MS) {
      asked = { atMs: now.getTime(), answer: store.backlog(definitions.versions, now) };
    }
    return asked.answer;
  };
  metrics.watchBacklog(
    async () => (await backlog()).failed,
    async () => {
      const { oldestDueAt } = await backlog();
      return oldestDueAt ? Math.max(0, (clock.now().getTime() - oldestDueAt.getTime()) / 1_000) : 0;
    },
  );
}
