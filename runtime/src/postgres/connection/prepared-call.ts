import type { PostgresClient, PostgresStatement } from './client.ts';

/** What goes to the server as its text; null as null. */
export type CallValue = string | number | bigint | boolean | null;

/** A named statement, which each connection prepares once, and the values of its parameters. */
export interface PreparedCall {
  readonly name: string;
  readonly text: string;
  readonly values: readonly CallValue[];
}

/** The columns of a row, in their order, as the server writes them: a boolean is `t` or `f`. */
export type TextRow = readonly (string | null)[];

/** Something that has a shorter way for calls than for statements. */
export interface CallingClient extends PostgresClient {
  call(call: PreparedCall): Promise<readonly TextRow[]>;
}

/** Gets the rows of a call, by the shorter way where there is one. */
export function callPrepared(
  client: PostgresClient | CallingClient,
  call: PreparedCall,
): Promise<readonly TextRow[]> {
  if ('call' in client) return client.call(call);
  return isDriver(client) ? callDirectly(client, call) : callAsStatement(client, call);
}

/** What the driver hands out as a connection, as far as {@link Dispatch} needs it. */
interface DriverClient extends PostgresClient {
  readonly connection: Wire;
}

/** The driver's own connection to the server. */
interface Wire {
  readonly stream: { readonly writable: boolean; write(bytes: Uint8Array): unknown };
  /** The texts of the statements that this connection has prepared, by name. The driver adds to it. */
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
  parse(statement: { readonly name: string; readonly text: string }): void;
}

/** Others, a pool or what stands between it and the runtime, get a statement as always. */
function isDriver(client: PostgresClient | DriverClient): client is DriverClient {
  if (!('connection' in client) || typeof client.connection !== 'object') return false;
  const wire: Partial<Wire> = client.connection;
  const isPipeline = 'pipeline' in client && client.pipeline === true;
  return !isPipeline && typeof wire.parse === 'function' && wire.parsedStatements !== undefined;
}

function callDirectly(client: DriverClient, call: PreparedCall): Promise<readonly TextRow[]> {
  return new Promise((resolve, reject) => {
    const dispatch = new Dispatch(call, (error, rows) => {
      if (error) reject(error);
      else resolve(rows ?? []);
    });
    // The driver gives it back as it is, and tells it what becomes of it.
    const sent: unknown = client.query(dispatch);
    if (sent instanceof Promise) sent.catch(reject);
  });
}

/** The types of the driver would make something else of the texts. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

async function callAsStatement(
  client: PostgresClient,
  { name, text, values }: PreparedCall,
): Promise<readonly TextRow[]> {
  const statement = { name, text, values: [...values], rowMode: 'array' as const, types: AS_TEXT };
  const { rows } = await client.query<TextRow>(statement);
  return rows;
}

/**
 * A call as the driver takes it from cursors and streams too: it decides what is sent, and is told what is answered. Sent
 * in one piece, without a question for the columns, which whoever calls knows: what the driver does around each statement
 * of its own took 45 µs more of the 450 that a commit of one saga takes in all.
 */
class Dispatch implements PostgresStatement {
  readonly name: string;
  readonly text: string;
  readonly values: CallValue[];
  /** By this name, because time limits and tracing of the driver put something of their own in its place. */
  callback: (error: Error | null, rows?: readonly TextRow[]) => void;
  readonly #rows: TextRow[] = [];

  constructor({ name, text, values }: PreparedCall, callback: Dispatch['callback']) {
    this.name = name;
    this.text = text;
    this.values = values as CallValue[];
    this.callback = callback;
  }

  submit(wire: Wire): void {
    if (wire.parsedStatements[this.name] === undefined) wire.parse(this);
    if (wire.stream.writable) wire.stream.write(executionOf(this.name, this.values));
  }

  handleDataRow({ fields }: { readonly fields: TextRow }): void {
    this.#rows.push(fields);
  }

  handleCommandComplete(): void {
    // The rows are complete when the server is ready for more.
  }

  handleReadyForQuery(): void {
    this.callback(null, this.#rows);
  }

  handleError(error: Error): void {
    this.callback(error);
  }
}

/** Execute, of the unnamed portal and for all rows, and Sync. */
const RUN = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);
const BIND = 0x42;
const NULL_LENGTH = -1;
/** Shorter texts are given the most room they can take, which costs less than counting. */
const COUNTED_FROM = 256;

/**
 * Bind, Execute and Sync: the statement with its parameters and its answer all as text.
 * See "Message Formats" in PostgreSQL's documentation of its protocol.
 */
function executionOf(name: string, values: readonly CallValue[]): Uint8Array {
  const texts: (string | null)[] = [];
  let room = 32 + name.length + RUN.length;
  for (const value of values) {
    const text = value === null || typeof value === 'string' ? value : String(value);
    texts.push(text);
    if (text === null) room += 4;
    else room += 4 + (text.length < COUNTED_FROM ? text.length * 3 : Buffer.byteLength(text));
  }
  const bytes = Buffer.allocUnsafe(room);
  bytes[0] = BIND;
  // The length comes when it is known. The portal has no name.
  bytes[5] = 0;
  let at = 6 + bytes.write(name, 6);
  bytes[at] = 0;
  // No formats: all parameters are text.
  at = bytes.writeInt16BE(0, at + 1);
  at = bytes.writeInt16BE(texts.length, at);
  for (const text of texts) {
    if (text === null) {
      at = bytes.writeInt32BE(NULL_LENGTH, at);
    } else {
      const length = bytes.write(text, at + 4);
      at = bytes.writeInt32BE(length, at) + length;
    }
  }
  // No formats: all columns are text.
  at = bytes.writeInt16BE(0, at);
  bytes.writeInt32BE(at - 1, 1);
  at += RUN.copy(bytes, at);
  return bytes.subarray(0, at);
}
