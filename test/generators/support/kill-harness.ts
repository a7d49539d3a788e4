import { generate } from '../../../generators/engine/generate.ts';
import { DirectoryTemplates } from '../../../generators/engine/directory-templates.ts';
import { GeneratorError } from '../../../generators/engine/generator-error.ts';

import { HARNESS_REQUEST } from './harness-request.ts';
import { interruptedDisk } from './faulty-disk.ts';

/**
 * A process that generates the fixture and kills itself with SIGKILL at the n-th moment of its disk operations; with n = 0 it
 * lives and prints how many moments there are. Bundled by the test, so that starting it costs little.
 */
const [templates = '', directory = '', killAt = '0'] = process.argv.slice(2);
let moment = 0;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way; nothing may happen meanwhile.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const disk = interruptedDisk((_operation, at) => {
  if (at === 'half done') die();
  moment += 1;
  if (moment !== Number(killAt)) return undefined;
  if (at === 'amid') return 'do half';
  return die();
});

try {
  generate(
    new DirectoryTemplates(templates),
    { ...HARNESS_REQUEST, directory, cwd: process.cwd() },
    disk,
  );
  process.stdout.write(String(moment));
} catch (error) {
  if (!(error instanceof GeneratorError)) throw error;
  process.stdout.write(error.code);
  process.exitCode = error.exitCode;
}
