import { saga, type SagaDefinition } from 'potter-runtime/sagas';
import { type Context, type Definition, type Step, workOf } from '../domain/work.ts';
import type { Call } from './call.ts';
import type { Tasks } from './tasks.ts';

/** Every saga that can be started, by name. */
export type DemoSagas = Readonly<Record<Definition, SagaDefinition<Context>>>;

/** Three sagas of three steps: one that goes well, one whose last step is refused, and one that takes its time. */
export function demoSagas(tasks: Tasks): DemoSagas {
  return {
    'simple-saga': demoSaga('simple-saga', tasks),
    'failing-saga': demoSaga('failing-saga', tasks),
    'slow-saga': demoSaga('slow-saga', tasks),
  };
}

function demoSaga(definition: Definition, tasks: Tasks): SagaDefinition<Context> {
  const step = (name: Step) => ({
    execute: (call: Call<'do'> & { readonly input: Context }) =>
      tasks.perform(call, workOf(definition, name, call.input)),
    compensate: (call: Call<'undo'>) => tasks.undo(call),
    timeout: '2m' as const,
  });
  return saga<Context>(definition)
    .step('prepare', step('prepare'))
    .step('process', step('process'))
    .step('finish', step('finish'))
    .build();
}
