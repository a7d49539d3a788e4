import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runProcess } from '../generators/support/cli.ts';
import { temporaryDirectory } from '../generators/support/temporary-directory.ts';

const script = fileURLToPath(new URL('../../scripts/verify.ts', import.meta.url));

/** `npm` packs and installs the generator; at the project's install it keeps what it was given, and does as the test says. */
const npmOf = (real: string, kept: string, atInstall: string): string => `#!/bin/sh
case "$*" in
  pack*|'install --offline'*) exec '${real}' "$@" ;;
  'install '*) cp -R . '${kept}'; ${atInstall} ;;
esac
exit 9
`;

test.each([
  [
    'an install that fails',
    'exit 7',
    /FAILED {2}eventsourcing-basic {2}install .*\n.*ended with 7/u,
  ],
  [
    'a lockfile that names a registry',
    `echo '{"packages":{"a":{"resolved":"https://packages.example/a.tgz"}}}' > package-lock.json; exit 0`,
    /FAILED {2}eventsourcing-basic {2}install .*\npackage-lock\.json serves only this machine: https:\/\/packages\.example\/a\.tgz/u,
  ],
])(
  'verify uses what is packed, outside the checkout; %s fails it, the rest is not run, and nothing is left',
  async (_what, atInstall, says) => {
    using root = temporaryDirectory();
    const kept = join(root.path, 'kept');
    const bin = join(root.path, 'bin');
    const temporary = join(root.path, 'tmp');
    for (const folder of [kept, bin, temporary]) mkdirSync(folder);
    const real = await runProcess('sh', ['-c', 'command -v npm'], { cwd: root.path });
    writeFileSync(join(bin, 'npm'), npmOf(real.stdout.trim(), kept, atInstall), { mode: 0o755 });
    const words = ['--import', 'tsx', script, 'eventsourcing-basic'];
    const PATH = `${bin}:${process.env['PATH'] ?? ''}`;
    const env = { ...process.env, PATH, TMPDIR: temporary };
    const said = await runProcess(process.execPath, words, { cwd: process.cwd(), env });
    expect(said.code).toBe(1);
    expect(said.stdout).toMatch(/^passed {2}pack .*\npassed {2}eventsourcing-basic {2}generate /u);
    expect(said.stdout).toMatch(says);
    expect(said.stdout).toMatch(/\n1 examples: 2 passed, 1 failed, 3 not run\n$/u);

    const manifest: unknown = JSON.parse(readFileSync(join(kept, 'package.json'), 'utf8'));
    const tarballs = readdirSync(join(kept, 'vendor'));
    expect(tarballs).toEqual([expect.stringMatching(/^potter-runtime-[\d.]+\.tgz$/u)]);
    expect(manifest).toMatchObject({
      dependencies: { 'potter-runtime': `file:vendor/${tarballs[0] ?? ''}` },
    });
    const map = 'package/dist/sagas/saga-status.js.map';
    const tar = ['-xzOf', join(kept, 'vendor', tarballs[0] ?? ''), map];
    const { stdout } = await runProcess('tar', tar, { cwd: root.path });
    // Of where it was built, what is packed says nothing.
    expect(JSON.parse(stdout)).toMatchObject({
      sourceRoot: 'potter-runtime:///src/',
      sources: ['sagas/saga-status.ts'],
    });
    expect(readdirSync(temporary).filter((name) => name.startsWith('potter-'))).toEqual([]);
  },
);
