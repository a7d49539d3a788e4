import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const module = fileURLToPath(
  new URL('../../../runtime/src/foundation/abandoned.ts', import.meta.url),
);
const child = `
  import { onAbandoned } from ${JSON.stringify(module)};
  const alive = setInterval(() => {}, 1_000);
  onAbandoned(() => { console.log('abandoned'); clearInterval(alive); });
  console.log('started');
`;

/** A shell that starts a process as npm does, and what that process says. */
function underShell(environment: NodeJS.ProcessEnv): {
  readonly shell: ReturnType<typeof spawn>;
  readonly said: (word: string) => Promise<void>;
} {
  const command = `"${process.execPath}" --import tsx --input-type=module -e "$CHILD"; true`;
  const shell = spawn('sh', ['-c', command], {
    env: { ...process.env, ...environment, CHILD: child },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  shell.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const said = async (word: string): Promise<void> => {
    while (!output.includes(word)) await once(shell.stdout ?? shell, 'data');
  };
  return { shell, said };
}

describe.skipIf(process.platform === 'win32')('a process that npm started', () => {
  test('hears that npm’s shell is gone', { timeout: 20_000 }, async () => {
    const { shell, said } = underShell({ npm_lifecycle_event: 'start' });
    await said('started');
    shell.kill('SIGTERM');
    await said('abandoned');
    expect(shell.killed).toBe(true);
  });
});
