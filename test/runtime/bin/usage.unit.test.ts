import { silentLogger } from 'potter-runtime/foundation';
import { expect, test } from 'vitest';
import { DEV_USAGE, devCommand } from '../../../runtime/src/bin/dev-command.ts';
import { MIGRATE_USAGE, migrateCommand } from '../../../runtime/src/bin/migrate-command.ts';
import { parseSagasCall } from '../../../runtime/src/bin/sagas-arguments.ts';
import { SAGAS_USAGE } from '../../../runtime/src/bin/sagas-command.ts';

const optionsIn = (text: string): readonly string[] =>
  [...new Set(text.match(/--[a-z][a-z-]*/g))].sort();

/** A command that gets an option it does not know says which it knows. */
test.each<[string, string, (args: readonly string[]) => unknown]>([
  ['potter-dev', DEV_USAGE, (args) => devCommand(args, silentLogger)],
  ['potter-migrate', MIGRATE_USAGE, (args) => migrateCommand(args, () => {}, silentLogger)],
  ['potter-sagas', SAGAS_USAGE, parseSagasCall],
])('the usage of %s has every option that there is, and no other', async (_, usage, command) => {
  const refusal = await Promise.resolve()
    .then(() => command(['--qqqqqqqq']))
    .then(String, (error: Error) => error.message);
  expect(refusal).toContain('--qqqqqqqq');
  expect(optionsIn(usage)).toEqual(optionsIn(refusal.replaceAll('--qqqqqqqq', '')));
});
