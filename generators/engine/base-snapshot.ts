import { gunzipSync, gzipSync } from 'node:zlib';
import type { ProjectFile } from './render.ts';

export const BASE_SNAPSHOT_PATH = '.potter/base.json.gz';

/** The text of every generated file as it was written: the common ancestor of later three-way merges. */
export interface BaseSnapshot {
  readonly schemaVersion: 1;
  readonly files: Readonly<Record<string, string>>;
}

/** Packs the snapshot. No time, no name and no operating system in the header, so equal files give equal bytes. */
export function packBaseSnapshot(files: readonly ProjectFile[]): Uint8Array {
  const snapshot: BaseSnapshot = {
    schemaVersion: 1,
    files: Object.fromEntries(
      files
        .filter((file) => !file.bytes.includes(0))
        .map((file) => [file.path, Buffer.from(file.bytes).toString('utf8')]),
    ),
  };
  const packed = gzipSync(JSON.stringify(snapshot), { level: 9 });
  const OPERATING_SYSTEM_BYTE = 9;
  packed[OPERATING_SYSTEM_BYTE] = 255;
  return packed;
}

export function unpackBaseSnapshot(bytes: Uint8Array): BaseSnapshot {
  const parsed: unknown = JSON.parse(gunzipSync(bytes).toString('utf8'));
  if (isBaseSnapshot(parsed)) return parsed;
  throw new TypeError(`${BASE_SNAPSHOT_PATH} is not a snapshot of schema version 1`);
}

function isBaseSnapshot(value: unknown): value is BaseSnapshot {
  if (typeof value !== 'object' || value === null) return false;
  if (!('schemaVersion' in value) || value.schemaVersion !== 1) return false;
  if (!('files' in value) || typeof value.files !== 'object' || value.files === null) return false;
  return Object.values(value.files).every((text) => typeof text === 'string');
}
