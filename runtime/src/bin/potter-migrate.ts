import { reportFailure } from './command-error.ts';
import { consoleLogger } from './console-logger.ts';
import { migrateCommand } from './migrate-command.ts';

try {
  await migrateCommand(
    process.argv.slice(2),
    (text) => process.stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    consoleLogger('potter-migrate'),
  );
} catch (error) {
  process.exitCode = reportFailure('potter-migrate', error);
}
