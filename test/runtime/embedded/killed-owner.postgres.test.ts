import { dirname } from 'node:path';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { startEmbeddedPostgres } from '../../support/embedded.ts';
import { clusterFolder } from '../../support/cluster.ts';
import { runProgram } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { gone, keeperPid, serverPid } from './processes.ts';

const script = fileURLToPath(new URL('./hold-server.script.ts', import.meta.url));

/** A program that holds a server. */
async function holder(options: object): Promise<{
  readonly program: ReturnType<typeof runProgram>;
  readonly dataDirectory: string;
}> {
  const program = runProgram(script, [JSON.stringify({ durability: 'none', ...options })]);
  const match = await program.wrote(/^held (.*)$/m);
  return { program, dataDirectory: (JSON.parse(match[1] ?? '') as { data: string }).data };
}

test('kill -9 of the only user ends the server', async () => {
  await using folder = await clusterFolder();
  const { program, dataDirectory } = await holder({ directory: folder.path });
  await using _ = program;
  const [server, keeper] = [await serverPid(dataDirectory), await keeperPid(folder.path)];
  program.signal('SIGKILL');
  await expect(Promise.all([gone(server), gone(keeper)])).resolves.toBeDefined();
});

test('kill -9 of one of two users leaves the server to the other', async () => {
  await using folder = await clusterFolder();
  const first = await holder({ directory: folder.path });
  await using _first = first.program;
  const second = await holder({ directory: folder.path });
  await using _second = second.program;
  const server = await serverPid(first.dataDirectory);
  first.program.signal('SIGKILL');
  await first.program.ended;
  expect(await serverPid(second.dataDirectory)).toBe(server);
  second.program.signal('SIGKILL');
  await gone(server);
});

test('kill -9 of the user of a temporary server removes its files too', async () => {
  const { program, dataDirectory } = await holder({ persistent: false });
  await using _ = program;
  const server = await serverPid(dataDirectory);
  program.signal('SIGKILL');
  await gone(server);
  await vi.waitFor(
    () => expect(stat(dirname(dataDirectory))).rejects.toMatchObject({ code: 'ENOENT' }),
    30_000,
  );
});

test('a temporary server whose user and keeper were both killed is cleared away by the next one', async () => {
  const { program, dataDirectory } = await holder({ persistent: false });
  await using _ = program;
  const server = await serverPid(dataDirectory);
  process.kill(await keeperPid(dirname(dataDirectory)), 'SIGKILL');
  program.signal('SIGKILL');
  await program.ended;
  await using _next = await startEmbeddedPostgres({ persistent: false, durability: 'none' });
  await gone(server);
  await vi.waitFor(
    () => expect(stat(dirname(dataDirectory))).rejects.toMatchObject({ code: 'ENOENT' }),
    30_000,
  );
});

test('kill -9 during the very first start leaves nothing running', async () => {
  await using folder = await temporaryFolder();
  const program = runProgram(script, [JSON.stringify({ directory: folder.path })]);
  await using _ = program;
  await vi.waitFor(() => keeperPid(folder.path), { timeout: 30_000, interval: 5 });
  const keeper = await keeperPid(folder.path);
  program.signal('SIGKILL');
  await expect(gone(keeper)).resolves.toBeUndefined();
}, 60_000);

test('a program that forgets to stop its server can end, and takes the server with it', async () => {
  await using folder = await clusterFolder();
  const forgetful = fileURLToPath(new URL('./forget-server.script.ts', import.meta.url));
  await using program = runProgram(forgetful, [folder.path]);
  expect(await program.ended).toBe(0);
  const pid = Number(/pid (\d+)/.exec(program.output())?.[1]);
  await gone(pid);
});
