import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of migrations that goes away with the test. */
export interface MigrationFolder extends AsyncDisposable {
  readonly path: string;
  write(fileName: string, up: string, down?: string): Promise<void>;
}

/** Makes an empty one. */
export async function migrationFolder(): Promise<MigrationFolder> {
  const path = await mkdtemp(join(tmpdir(), 'potter-migrations-'));
  return {
    path,
    write: (fileName, up, down) =>
      writeFile(
        join(path, fileName),
        `-- Up Migration\n${up}\n${down === undefined ? '' : `-- Down Migration\n${down}\n`}`,
      ),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
