import type { DestinationStream } from 'pino';

/** Where a terminal is, as far as a log needs one. */
export interface TerminalStream {
  write(text: string): unknown;
}

const COLORS: Readonly<Record<string, string>> = { debug: '90', warn: '33', error: '31' };

/** Known to every line, and no news to a person. */
const HIDDEN = new Set([
  'level',
  'time',
  'name',
  'msg',
  'correlationId',
  'method',
  'url',
  'status',
]);

/** Turns the log's JSON into lines for people: the message as it is, fields after it in grey, stacks below. */
export function terminalDestination(terminal: TerminalStream): DestinationStream {
  return {
    write(line: string): void {
      terminal.write(`${forTerminal(line)}\n`);
    },
  };
}

function forTerminal(line: string): string {
  const { level, msg, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const color = COLORS[String(level)];
  const message =
    color === undefined ? String(msg) : paint(color, `${String(level)}: ${String(msg)}`);
  return [message, rest === '' ? '' : ` ${paint('90', rest)}`, stackOf(error)].join('');
}

function stackOf(error: unknown): string {
  if (error === null || typeof error !== 'object') return '';
  const { stack, message } = error as { readonly stack?: unknown; readonly message?: unknown };
  const text = typeof stack === 'string' ? stack : typeof message === 'string' ? message : '';
  return text === '' ? '' : `\n${paint('90', text)}`;
}

function paint(color: string, text: string): string {
  return process.env['NO_COLOR'] ? text : `\u001b[${color}m${text}\u001b[0m`;
}
