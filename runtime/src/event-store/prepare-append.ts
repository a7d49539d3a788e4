import { PotterError } from '../errors/potter-error.ts';
import type { Event, EventMetadata } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import { parseStreamId, type StreamId } from '../events/stream-id.ts';
import type { UpcasterChain } from '../events/upcaster-chain.ts';
import { isUuid, newId } from '../foundation/ids.ts';
import type { JsonCodec } from '../foundation/json.ts';
import type { Correlation } from '../observability/correlation.ts';
import type { TraceContext } from '../observability/tracer.ts';
import type { AppendRequest, StreamCheck } from './append.ts';
import type { ExpectedVersion } from './expected-version.ts';

/** An event that lacks only what the store gives it: version, position and time. */
export interface PreparedEvent {
  readonly id: string;
  /** The writer chose the id, so the event may have been appended before. */
  readonly idGiven: boolean;
  readonly type: string;
  readonly schemaVersion: number;
  /** JSON text. */
  readonly data: string;
  /** JSON text. */
  readonly metadata: string;
  readonly tags: readonly string[];
  /** As the writer gave it, for the result. */
  readonly source: Event;
  readonly sourceMetadata: EventMetadata;
}

/** A write whose values have been checked. */
export interface PreparedWrite {
  readonly stream: StreamId;
  readonly category: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly PreparedEvent[];
}

/** A request whose values have been checked. */
export interface PreparedAppend {
  readonly writes: readonly PreparedWrite[];
  readonly checks: readonly StreamCheck[];
}

/** What preparing needs of the store. */
export interface PrepareContext {
  readonly codec: JsonCodec;
  readonly upcasters: UpcasterChain;
  readonly metadata: EventMetadata | undefined;
  /** The conversation the append is part of. */
  readonly correlation: Correlation | undefined;
  readonly trace: TraceContext | undefined;
}

/** Checks a request and turns its values into text. For store adapters. Codes as in the port's `append`. */
export function prepareAppend(request: AppendRequest, context: PrepareContext): PreparedAppend {
  const { writes: asked, checks = [] } = request;
  if (asked.length === 0) throw invalid('An append needs at least one write.');
  if (asked.length + checks.length > 1) refuseRepeatedStreams([...asked, ...checks]);
  for (const { stream, expected } of checks) {
    parseStreamId(stream);
    refuseImpossible(expected);
  }
  const origin = originOf(context);
  const writes = asked.map(({ stream, expected, events }): PreparedWrite => {
    const { category } = parseStreamId(stream);
    refuseImpossible(expected);
    if (events.length === 0) throw invalid(`There are no events for stream '${stream}'.`);
    return {
      stream,
      category,
      expected,
      events: events.map((event) => prepareEvent(event, context, origin)),
    };
  });
  refuseRepeatedIds(writes);
  return { writes, checks };
}

function refuseRepeatedStreams(all: readonly { readonly stream: StreamId }[]): void {
  const streams = new Set<string>();
  for (const { stream } of all) {
    if (streams.has(stream)) throw invalid(`Stream '${stream}' is named twice in one append.`);
    streams.add(stream);
  }
}

function refuseImpossible(expected: ExpectedVersion): void {
  if (typeof expected === 'bigint' && expected < 0n)
    throw invalid(`Version ${expected} cannot exist.`);
}

/** Only ids that somebody chose can be equal. */
function refuseRepeatedIds(writes: readonly PreparedWrite[]): void {
  let ids: Set<string> | undefined;
  for (const { events } of writes) {
    for (const { id, idGiven } of events) {
      if (!idGiven) continue;
      ids ??= new Set();
      if (ids.has(id)) throw invalid(`Event id ${id} is twice in one append.`);
      ids.add(id);
    }
  }
}

/** The metadata of every event that brings none, and its text. */
interface Origin {
  readonly metadata: EventMetadata;
  readonly text: string;
}

/** What the surroundings say of an event's origin; what the caller says wins, and a running trace beats a stored one. */
function originOf({ codec, trace, correlation, metadata }: PrepareContext): Origin {
  const known: Record<string, string> = {};
  if (correlation !== undefined || trace !== undefined) {
    for (const [key, value] of Object.entries({ ...correlation, ...trace }))
      if (typeof value === 'string') known[key] = value;
  }
  const origin: EventMetadata = metadata === undefined ? known : { ...known, ...metadata };
  return { metadata: origin, text: textOf(origin, codec) };
}

function prepareEvent(
  event: AppendRequest['writes'][number]['events'][number],
  { codec, upcasters }: PrepareContext,
  origin: Origin,
): PreparedEvent {
  const {
    type,
    data,
    id,
    metadata,
    tags = [],
    schemaVersion = upcasters.currentVersion(type),
  } = event;
  if (type === '' || type.includes('\0')) throw invalid('An event type is empty or has a NUL.');
  if (tags.some((tag) => tag === '' || tag.includes('\0')))
    throw invalid(`A tag of a '${type}' is empty or has a NUL.`);
  if (id !== undefined && !isUuid(id)) throw invalid(`Event id '${id}' is not a UUID.`);
  if (!Number.isInteger(schemaVersion) || schemaVersion < 1)
    throw invalid(`'${schemaVersion}' is not a schema version.`);
  const sourceMetadata =
    metadata === undefined ? origin.metadata : { ...origin.metadata, ...metadata };
  return {
    id: id?.toLowerCase() ?? newId(),
    idGiven: id !== undefined,
    type,
    schemaVersion,
    data: textOf(data, codec),
    metadata: metadata === undefined ? origin.text : textOf(sourceMetadata, codec),
    tags,
    source: event,
    sourceMetadata,
  };
}

/** Stores may put this between two texts: it is in no JSON, where control characters are escaped. */
const UNIT_SEPARATOR = '\u001F';

function textOf(value: unknown, codec: JsonCodec): string {
  const text = codec.encode(value);
  if (!text.includes(UNIT_SEPARATOR)) return text;
  throw new PotterError('SERIALIZATION_FAILED', {
    message:
      'The codec of the event store gave a text that is not JSON: it has a raw U+001F in it.',
    remedy: 'Let the codec escape control characters, as JSON.stringify does.',
  });
}

/** The recorded form of an event that was just written. For store adapters. */
export function recordedForm(
  write: PreparedWrite,
  event: PreparedEvent,
  recorded: Pick<RecordedEvent, 'version' | 'position' | 'recordedAt'>,
): RecordedEvent {
  return {
    type: event.type,
    data: event.source.data,
    id: event.id,
    streamId: write.stream,
    category: write.category,
    version: recorded.version,
    position: recorded.position,
    metadata: event.sourceMetadata,
    tags: event.tags,
    schemaVersion: event.schemaVersion,
    recordedAt: recorded.recordedAt,
  };
}

function invalid(message: string): PotterError {
  return new PotterError('INVALID_ARGUMENT', { message });
}
