import { Rejection } from 'potter-runtime/errors';
import { noRetry } from 'potter-runtime/foundation';
import { openWorld, type SagaWorld, signalled } from './saga-world.ts';

/** How a step can be made to end. */
type Mood = 'defect' | 'refuse' | 'hold';

interface Attempt {
  readonly key: string;
  readonly sagaId: string;
  readonly signal: AbortSignal;
  readonly cause?: { readonly code: string } | null;
}

/** Steps that write down what they do, and do as the test says. */
export class Stage {
  /** Keys without their saga's id, in the order of the attempts. */
  readonly log: string[] = [];
  /** What undos were told as their reason. */
  readonly causes = new Set<string>();
  readonly #moods = new Map<string, Mood>();
  readonly #gates = new Map<string, ReturnType<typeof signalled<void>>>();

  /** From now on a step, by its name, or its undo, by `undo name`, ends so; without a mood it goes well. */
  let(what: string, mood?: Mood): void {
    if (mood === undefined) this.#moods.delete(what);
    else this.#moods.set(what, mood);
    if (mood === 'hold') this.#gates.set(what, signalled());
  }

  /** Lets a step that was held end: well, or so. */
  release(what: string, mood?: Mood): void {
    this.let(what, mood);
    this.#gates.get(what)?.resolve();
  }

  step(name: string) {
    return {
      execute: async (attempt: Attempt) => {
        await this.#play(name, attempt);
        return `${name} done`;
      },
      compensate: async (attempt: Attempt) => {
        this.causes.add(attempt.cause?.code ?? 'none');
        await this.#play(`undo ${name}`, attempt);
      },
      retry: noRetry,
      compensateRetry: noRetry,
    };
  }

  async #play(what: string, { key, sagaId, signal }: Attempt): Promise<void> {
    this.log.push(key.slice(sagaId.length + 1));
    await this.#end(what, signal);
  }

  async #end(what: string, signal: AbortSignal): Promise<void> {
    switch (this.#moods.get(what)) {
      case 'defect':
        throw new TypeError(`${what} has a bug.`);
      case 'refuse':
        throw new Rejection('REFUSED', `${what} says no.`);
      case 'hold':
        await Promise.race([
          this.#gates.get(what)?.promise,
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
        ]);
        return this.#end(what, signal);
      case undefined:
    }
  }
}

type Engine = SagaWorld['engine'];

/** A fresh world, and in it an engine that runs a saga of these steps. */
export async function onStage<Definition extends Parameters<Engine>[0][number]>(
  define: (stage: Stage) => Definition,
  options?: Parameters<Engine>[1],
): Promise<{
  readonly world: SagaWorld;
  readonly stage: Stage;
  readonly definition: Definition;
  readonly engine: Awaited<ReturnType<Engine>>;
}> {
  const world = await openWorld();
  const stage = new Stage();
  const definition = define(stage);
  return { world, stage, definition, engine: await world.engine([definition], options) };
}
