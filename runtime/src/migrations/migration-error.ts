import { join } from 'node:path';
import { PotterError } from '../errors/potter-error.ts';
import { displayPath, type MigrationFile, type MigrationSection } from './migration-file.ts';

/** As many characters of a failed statement are shown. */
const SHOWN_CHARACTERS = 120;

/** The error of a migration that the database refused: file, line, what it said and about which statement. */
export function migrationError(
  file: MigrationFile,
  section: MigrationSection,
  error: unknown,
): PotterError {
  const path = displayPath(join(file.directory, file.fileName));
  const { message, sqlState, position } = facts(error);
  const before = position === undefined ? undefined : section.text.slice(0, position - 1);
  const line = before === undefined ? undefined : section.firstLine + before.split('\n').length - 1;
  const statement = before === undefined ? undefined : statementAt(section.text, before.length);
  const where = line === undefined ? path : `${path}:${line}`;
  const state = sqlState === undefined ? '' : ` (${sqlState})`;
  const at = statement === undefined ? '' : `, at '${statement}'`;
  return new PotterError('MIGRATION_FAILED', {
    message: `${where} failed: ${message}${state}${at}.`,
    remedy: section.transactional
      ? 'Nothing of this file was kept; correct it and migrate again.'
      : 'The file runs without a transaction: look at what it left behind before you migrate again.',
    details: { file: path, line, sqlState, statement },
    cause: error,
  });
}

function facts(error: unknown): {
  readonly message: string;
  readonly sqlState: string | undefined;
  readonly position: number | undefined;
} {
  if (!(error instanceof Error)) {
    return { message: String(error), sqlState: undefined, position: undefined };
  }
  const position = 'position' in error ? Number(error.position) : 0;
  return {
    message: error.message,
    sqlState: 'code' in error && typeof error.code === 'string' ? error.code : undefined,
    position: position > 0 ? position : undefined,
  };
}

/** The statement around an offset, on one line. A semicolon inside a text may cut it short: it is for reading only. */
function statementAt(text: string, offset: number): string {
  const start = text.lastIndexOf(';', offset - 1) + 1;
  const end = text.indexOf(';', offset);
  const statement = text
    .slice(start, end < 0 ? undefined : end)
    .replace(/--.*$/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return statement.length > SHOWN_CHARACTERS
    ? `${statement.slice(0, SHOWN_CHARACTERS)}…`
    : statement;
}
