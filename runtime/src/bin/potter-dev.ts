import { reportFailure } from './command-error.ts';
import { consoleLogger } from './console-logger.ts';
import { devCommand } from './dev-command.ts';

try {
  process.exitCode = await devCommand(process.argv.slice(2), consoleLogger('potter-dev'));
} catch (error) {
  process.exitCode = reportFailure('potter-dev', error);
}
