import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { notOneOf } from '../foundation/nearest.ts';
import type { SagaFilter } from '../sagas/saga-directory.ts';
import type { SagaAction, TellOptions } from '../sagas/saga-operations.ts';
import { UsageError } from './command-error.ts';
import type { CompatCall } from './sagas-compat.ts';
import { filterOf, wholeNumber } from './sagas-filter.ts';

const LOOKS = ['show', 'history', 'journal', 'diagram'] as const;
const ACTIONS = ['pause', 'resume', 'cancel', 'rewind', 'skip', 'edit', 'undo', 'signal'] as const;
const COMMANDS = ['list', ...LOOKS, ...ACTIONS, 'bulk', 'compat'] as const;

/** What `potter-sagas` was asked for. */
export type SagasCall = { readonly json: boolean } & (
  | {
      readonly command: 'list';
      readonly filter: SagaFilter;
      readonly limit: number;
      readonly after: string | undefined;
    }
  | { readonly command: (typeof LOOKS)[number]; readonly sagaId: string }
  | ({ readonly command: 'compat' } & CompatCall)
  | {
      readonly command: 'tell';
      readonly sagaId: string;
      readonly action: SagaAction;
      readonly told: TellOptions;
    }
  | {
      readonly command: 'bulk';
      readonly filter: SagaFilter;
      readonly action: SagaAction;
      readonly told: TellOptions;
      readonly yes: boolean;
    }
);

const OPTIONS = {
  where: { type: 'string', multiple: true },
  limit: { type: 'string' },
  after: { type: 'string' },
  result: { type: 'string' },
  by: { type: 'string' },
  reason: { type: 'string' },
  'message-id': { type: 'string' },
  merge: { type: 'boolean' },
  force: { type: 'boolean' },
  yes: { type: 'boolean' },
  write: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parse>['values'];

/** @returns undefined when help was asked for. @throws UsageError */
export function parseSagasCall(args: readonly string[]): SagasCall | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [typed, ...rest] = positionals;
  if (typed === undefined) throw new UsageError(`Say what to do: ${COMMANDS.join(', ')}.`);
  const command = COMMANDS.find((known) => known === typed);
  if (command === undefined) throw new UsageError(notOneOf(typed, COMMANDS));
  const json = values.json === true;
  const words = new Words(command, rest);
  const call = callOf(command, words, values);
  words.end();
  return { json, ...call };
}

type Rest<Call> = Call extends unknown ? Omit<Call, 'json'> : never;

function callOf(command: (typeof COMMANDS)[number], words: Words, values: Values): Rest<SagasCall> {
  const filter = filterOf(values.where ?? []);
  switch (command) {
    case 'list': {
      const limit = values.limit === undefined ? 50 : wholeNumber('--limit', values.limit);
      return { command, filter, limit, after: values.after };
    }
    case 'show':
    case 'history':
    case 'journal':
    case 'diagram':
      return { command, sagaId: words.next('the id of a saga') };
    case 'compat':
      return {
        command,
        file: words.next('the file with the descriptions of what is deployed'),
        module: words.next('the module that exports definitions'),
        write: values.write === true,
      };
    case 'bulk': {
      const typed = words.next(`what to do: ${ACTIONS.join(', ')}`);
      const kind = ACTIONS.find((known) => known === typed);
      if (kind === undefined) throw new UsageError(notOneOf(typed, ACTIONS));
      if ((values.where ?? []).length === 0) {
        throw new UsageError('Say which sagas: --where status=failed, for example.');
      }
      const action = actionOf(kind, words, values);
      return { command, filter, action, told: toldBy(values), yes: values.yes === true };
    }
    case 'pause':
    case 'resume':
    case 'cancel':
    case 'rewind':
    case 'skip':
    case 'edit':
    case 'undo':
    case 'signal': {
      const sagaId = words.next('the id of a saga');
      const action = actionOf(command, words, values);
      return { command: 'tell', sagaId, action, told: toldBy(values) };
    }
  }
}

function actionOf(kind: (typeof ACTIONS)[number], words: Words, values: Values): SagaAction {
  switch (kind) {
    case 'pause':
    case 'resume':
    case 'cancel':
      return { kind };
    case 'rewind':
      return { kind, step: words.next('the step to go back to') };
    case 'skip': {
      const step = words.next('the step to skip');
      return { kind, step, result: jsonOf('--result', values.result) };
    }
    case 'edit': {
      const input = jsonOf('the input', words.next('the input, as JSON'));
      return { kind, input, merge: values.merge === true };
    }
    case 'undo':
      return { kind, force: values.force === true };
    case 'signal': {
      const name = words.next('the name of the signal');
      return { kind, name, value: jsonOf('the value', words.maybe()) };
    }
  }
}

function toldBy({ by, reason, 'message-id': messageId }: Values): TellOptions {
  return {
    by: by ?? userInfo().username,
    ...(reason !== undefined && { reason }),
    ...(messageId !== undefined && { messageId }),
  };
}

function jsonOf(what: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${what} is not JSON: ${text}`, { cause });
  }
}

/** The words of a call, one after the other. */
class Words {
  readonly #command: string;
  readonly #words: string[];

  constructor(command: string, words: readonly string[]) {
    this.#command = command;
    this.#words = [...words];
  }

  next(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new UsageError(`${this.#command}: say ${what}.`);
    return word;
  }

  maybe(): string | undefined {
    return this.#words.shift();
  }

  end(): void {
    const [surplus] = this.#words;
    if (surplus === undefined) return;
    throw new UsageError(`'${surplus}' is too much: ${this.#command} takes no such argument.`);
  }
}

function parse(args: readonly string[]) {
  const known = Object.keys(OPTIONS).map((name) => `--${name}`);
  const unknown = args.find(
    (arg) => arg.startsWith('--') && !known.includes(arg.split('=')[0] ?? ''),
  );
  if (unknown !== undefined) throw new UsageError(notOneOf(unknown, known));
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
