import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { ProjectFile } from './render.ts';

export const BASE_SNAPSHOT_PATH = '.potter/base.json.br';

/** The text of every generated file as it was written: the common ancestor of later three-way merges. */
export interface BaseSnapshot {
  readonly schemaVersion: 1;
  readonly files: Readonly<Record<string, string>>;
}

/** A twentieth smaller than gzip's best in about its time. The last twelfth that brotli finds takes it twenty times as long. */
const QUALITY = 8;

/** Packs the snapshot. Equal files give equal bytes: the format has no time, no name and no operating system. */
export function packBaseSnapshot(files: readonly ProjectFile[]): Uint8Array {
  const snapshot: BaseSnapshot = {
    schemaVersion: 1,
    files: Object.fromEntries(
      files
        .filter((file) => !file.bytes.includes(0))
        .map((file) => [file.path, Buffer.from(file.bytes).toString('utf8')]),
    ),
  };
  return brotliCompressSync(JSON.stringify(snapshot), {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: QUALITY,
    },
  });
}

export function unpackBaseSnapshot(bytes: Uint8Array): BaseSnapshot {
  const parsed: unknown = JSON.parse(brotliDecompressSync(bytes).toString('utf8'));
  if (isBaseSnapshot(parsed)) return parsed;
  throw new TypeError(`${BASE_SNAPSHOT_PATH} is not a snapshot of schema version 1`);
}

function isBaseSnapshot(value: unknown): value is BaseSnapshot {
  if (typeof value !== 'object' || value === null) return false;
  if (!('schemaVersion' in value) || value.schemaVersion !== 1) return false;
  if (!('files' in value) || typeof value.files !== 'object' || value.files === null) return false;
  return Object.values(value.files).every((text) => typeof text === 'string');
}
