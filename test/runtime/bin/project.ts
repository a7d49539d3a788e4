import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { putCluster } from '../../support/cluster.ts';
import { runProgram, type Program } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** A project as a user has it, in a temporary folder. */
export interface Project extends AsyncDisposable {
  readonly path: string;
  write(file: string, text: string): Promise<void>;
  read(file: string): Promise<string>;
  /** Starts one of the runtime's commands in the project. */
  run(
    command: 'potter-dev' | 'potter-migrate' | 'potter-sagas',
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Program;
}

/** A service that says when it runs and where its database is, and how it was stopped. */
export const SERVICE = `
const timer = setInterval(() => {}, 1_000);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    console.log('stopped by', signal);
    clearInterval(timer);
  });
}
console.log('service', process.pid, process.env['NODE_ENV'], process.env['DATABASE_URL'], 'end');
`;

/**
 * Makes a project with a service, one migration and the event store's tables. Its embedded database is new, or, with
 * `hasCluster`, was started before.
 */
export async function makeProject(options: { hasCluster?: boolean } = {}): Promise<Project> {
  const folder = await temporaryFolder();
  if (options.hasCluster === true) await putCluster(join(folder.path, '.potter'));
  const write = async (file: string, text: string): Promise<void> => {
    const path = join(folder.path, file);
    await mkdir(dirname(path), { recursive: true });
    // In one step: whoever watches would else see it empty, on a busy machine for long enough to start it so.
    const draft = join(folder.path, 'draft.tmp');
    await writeFile(draft, text);
    await rename(draft, path);
  };
  await symlink(join(repository, 'node_modules'), join(folder.path, 'node_modules'));
  await write('package.json', '{"name":"p","type":"module","potter":{"schema":["event-store"]}}');
  await write('src/main.ts', SERVICE);
  await write(
    'migrations/1_first.sql',
    '-- Up Migration\nCREATE TABLE first (id int);\n-- Down Migration\nDROP TABLE first;\n',
  );
  return {
    path: folder.path,
    write,
    read: (file) => readFile(join(folder.path, file), 'utf8'),
    run: (command, args, env) =>
      runProgram(join(repository, 'runtime/src/bin', `${command}.ts`), args, {
        cwd: folder.path,
        ...(env === undefined ? {} : { env }),
      }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
