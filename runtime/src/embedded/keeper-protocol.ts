import { readFile } from 'node:fs/promises';
import type { Durability } from './server-process.ts';

/**
 * How clients and the keeper talk. A client connects to the keeper's loopback port, sends the token as one line, and
 * gets one JSON object a line back. The open connection is the client's lease: the kernel closes it when the client
 * dies, however it dies. A client that is done ends its side and waits for the keeper to end the other.
 */
export type KeeperMessage =
  | { readonly kind: 'progress'; readonly message: string }
  | {
      readonly kind: 'ready';
      readonly port: number;
      readonly password: string;
      readonly version: string;
      readonly dataDirectory: string;
    }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly remedy: string | undefined;
      readonly details: Readonly<Record<string, unknown>>;
    };

/** What a keeper is started with, as JSON in its only argument. */
export interface KeeperConfiguration {
  /** See `Layout`. */
  readonly directory: string;
  /** Where npm packages are looked up. */
  readonly projectDirectory: string;
  /** Delete `directory` at the end. */
  readonly ephemeral: boolean;
  readonly durability: Durability;
  readonly cacheDirectory?: string;
}

/** Where a keeper is reached. The file that holds this is readable by its owner alone, and so is the token. */
export interface KeeperAddress {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
}

/** Reads the address; undefined when there is no file or it is still being written. */
export async function readKeeperAddress(file: string): Promise<KeeperAddress | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isAddress(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isAddress(value: unknown): value is KeeperAddress {
  if (typeof value !== 'object' || value === null) return false;
  if (!('pid' in value && 'port' in value && 'token' in value)) return false;
  return (
    typeof value.pid === 'number' &&
    typeof value.port === 'number' &&
    typeof value.token === 'string'
  );
}

/** Understands one line of the keeper; undefined when it is none of its messages. */
export function parseKeeperMessage(line: string): KeeperMessage | undefined {
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null && 'kind' in value
    ? // Written by our own keeper, which the token has shown.
      (value as KeeperMessage)
    : undefined;
}
