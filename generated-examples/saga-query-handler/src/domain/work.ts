/** The sagas that can be started. */
export const DEFINITIONS = ['simple-saga', 'failing-saga', 'slow-saga'] as const;

export type Definition = (typeof DEFINITIONS)[number];

/** The steps of each of them, in their order. */
export const STEPS = ['prepare', 'process', 'finish'] as const;

export type Step = (typeof STEPS)[number];

/** What a saga is started with: anything, to be searched for later. */
export interface Context {
  /** How long each step of a slow-saga takes, in milliseconds. */
  readonly stepMs?: number;
  readonly [name: string]: unknown;
}

/** What a step asks of the service. */
export interface Work {
  readonly task: Step;
  readonly takesMs: number;
  /** Whether the service is asked for what it cannot do. */
  readonly impossible: boolean;
}

/** A slow-saga that is not told how slow. */
export const DEFAULT_STEP_MS = 500;

/** What a step of a saga asks for. */
export function workOf(definition: Definition, step: Step, context: Context): Work {
  return {
    task: step,
    takesMs: definition === 'slow-saga' ? (context.stepMs ?? DEFAULT_STEP_MS) : 0,
    impossible: definition === 'failing-saga' && step === 'finish',
  };
}
