import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { compiled } from '../../support/compiled-programs.ts';
import { createTestDatabase } from '../../support/database.ts';
import { migrationFolder } from './migration-folder.ts';

const run = promisify(execFile);
const script = compiled(fileURLToPath(new URL('./apply-migrations.script.ts', import.meta.url)));

test('10 processes that start at once apply each migration once, and none fails', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write(
    '1_slow.sql',
    'CREATE TABLE applied (what text); SELECT pg_sleep(0.5); INSERT INTO applied VALUES (1);',
  );
  // Waits for every older snapshot: with a lock that is waited for inside a statement this would never end.
  await folder.write(
    '2_concurrently.sql',
    '-- No Transaction\nCREATE INDEX CONCURRENTLY applied_what ON applied (what);',
  );
  await folder.write('3_last.sql', 'INSERT INTO applied VALUES (3);');
  const outputs = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const { stdout } = await run(process.execPath, [script, database.url, folder.path]);
      return JSON.parse(stdout) as string[];
    }),
  );
  const project = outputs.flat().filter((name) => !name.includes(':'));
  expect(project.sort()).toEqual(['1_slow', '2_concurrently', '3_last']);
  expect(outputs.flat().filter((name) => name.startsWith('event-store:0001'))).toHaveLength(1);
  const { rows } = await database.pool.query('SELECT what FROM applied ORDER BY 1');
  expect(rows).toEqual([{ what: '1' }, { what: '3' }]);
});
