import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What is remembered from one start to the next. */
export interface Settings {
  /** The port of the last start. It is asked for first, so that an open `psql` or a copied URL goes on working. */
  readonly port?: number;
  /** Where the data is when it is not in `postgres/` beside this file. */
  readonly dataDirectory?: string;
}

/** The settings, in `<directory>/postgres.json`. */
export function settingsFile(directory: string): string {
  return join(directory, 'postgres.json');
}

/** Reads the settings; undefined when there are none. */
export async function readSettings(directory: string): Promise<Settings | undefined> {
  const text = await readFile(settingsFile(directory), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  return {
    ...('port' in value && typeof value.port === 'number' ? { port: value.port } : {}),
    ...('dataDirectory' in value && typeof value.dataDirectory === 'string'
      ? { dataDirectory: value.dataDirectory }
      : {}),
  };
}

/** Replaces the settings. */
export function writeSettings(directory: string, settings: Settings): Promise<void> {
  return writeJson(settingsFile(directory), settings);
}

/** Replaces a file in one step: a reader sees the old or the new one, never half of it. */
export async function writeJson(file: string, value: object): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
}
