import { reportFailure } from './command-error.ts';
import { consoleLogger } from './console-logger.ts';
import { sagasCommand } from './sagas-command.ts';
import { askOnTerminal } from './terminal-question.ts';

try {
  process.exitCode = await sagasCommand(process.argv.slice(2), {
    print: (text) => process.stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    ask: askOnTerminal,
    logger: consoleLogger('potter-sagas'),
  });
} catch (error) {
  process.exitCode = reportFailure('potter-sagas', error);
}
