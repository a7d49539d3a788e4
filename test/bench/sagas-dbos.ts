/** The few members of `@dbos-inc/dbos-sdk` that the bench uses, so that the repository type-checks without it. */
interface Dbos {
  setConfig(config: {
    readonly name: string;
    readonly systemDatabaseUrl: string;
    readonly systemDatabasePoolSize: number;
    readonly logLevel: string;
  }): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
  registerWorkflow<Result>(
    work: (input: unknown) => Promise<Result>,
    options: { readonly name: string },
  ): (input: unknown) => Promise<Result>;
  runStep<Result>(work: () => Promise<Result>, options: { readonly name: string }): Promise<Result>;
}

/** How to have DBOS in the table. It is nobody's dependency here: its own are many. */
export const DBOS_INSTALL = 'npm install --no-save --ignore-scripts @dbos-inc/dbos-sdk@5';

async function load(): Promise<Dbos | undefined> {
  const name: string = '@dbos-inc/dbos-sdk';
  try {
    return ((await import(name)) as { readonly DBOS: Dbos }).DBOS;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
      return undefined;
    }
    throw error;
  }
}

/** The sagas of the bench as DBOS workflows, on the same server, in a database of their own. */
export interface DbosSubject extends AsyncDisposable {
  run(steps: number, fails: boolean): Promise<void>;
}

/** @returns undefined when it is not installed. */
export async function startDbos(
  url: string,
  shapes: readonly { readonly steps: number; readonly fails: boolean }[],
): Promise<DbosSubject | undefined> {
  const dbos = await load();
  if (!dbos) return undefined;
  const database = new URL(url);
  database.pathname = '/dbos';
  dbos.setConfig({
    name: 'bench',
    systemDatabaseUrl: database.href,
    systemDatabasePoolSize: 20,
    logLevel: 'error',
  });
  const workflows = new Map(
    shapes.map(({ steps, fails }) => [
      nameOf(steps, fails),
      dbos.registerWorkflow(() => workflow(dbos, steps, fails), { name: nameOf(steps, fails) }),
    ]),
  );
  await dbos.launch();
  return {
    run: async (steps, fails) => {
      await workflows.get(nameOf(steps, fails))?.({ orderId: 'order-1' });
    },
    [Symbol.asyncDispose]: () => dbos.shutdown(),
  };
}

function nameOf(steps: number, fails: boolean): string {
  return `bench-${steps}-${fails ? 'undone' : 'done'}`;
}

/** Its workflows have no undo: what one writes for it by hand. */
async function workflow(dbos: Dbos, steps: number, fails: boolean): Promise<void> {
  try {
    for (let n = 1; n < steps; n += 1) {
      await dbos.runStep(async () => ({ ok: true }), { name: `step-${n}` });
    }
    await dbos.runStep(
      async () => {
        if (fails) throw new Error('The last step says no.');
        return { ok: true };
      },
      { name: 'last' },
    );
  } catch {
    for (let n = steps - 1; n >= 1; n -= 1) {
      await dbos.runStep(async () => {}, { name: `undo-${n}` });
    }
  }
}
