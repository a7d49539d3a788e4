import { createHash } from 'node:crypto';
import { PotterError } from '../errors/potter-error.ts';
import type { StreamId } from '../events/stream-id.ts';
import { jsonCodec } from '../foundation/json.ts';
import type { StateSchema } from './state-schema.ts';

/** Which form of state a reader understands. Snapshots of any other form are as good as absent. */
export interface SnapshotForm {
  readonly schemaVersion: number;
  /** See `stateShape`. */
  readonly shape: string;
}

/** The state of a stream at a version, as a store keeps it. Always a copy: the events alone decide what is true. */
export interface Snapshot extends SnapshotForm {
  readonly stream: StreamId;
  /** Version of the last event that is part of the state. */
  readonly version: bigint;
  /** JSON text of the state. */
  readonly state: string;
  /** Hash over everything else that matters, so that a damaged or misplaced snapshot is recognised. */
  readonly stateHash: string;
  readonly takenAt: Date;
}

function hashOf(snapshot: Omit<Snapshot, 'stateHash' | 'takenAt'>): string {
  const { stream, version, schemaVersion, shape, state } = snapshot;
  return createHash('sha256')
    .update(JSON.stringify([stream, String(version), schemaVersion, shape]))
    .update(state)
    .digest('base64url');
}

/**
 * Makes the snapshot of a state.
 * @throws PotterError `SERIALIZATION_FAILED` when the state has no JSON form and the schema gives it none.
 */
export function takeSnapshot<State>(
  schema: StateSchema<State>,
  of: Pick<Snapshot, 'stream' | 'version' | 'shape' | 'takenAt'> & { readonly state: State },
): Snapshot {
  const { stream, version, shape, takenAt } = of;
  const state = jsonCodec.encode(schema.toJson(of.state));
  const content = { stream, version, schemaVersion: schema.version, shape, state };
  return { ...content, stateHash: hashOf(content), takenAt };
}

/**
 * The state in a snapshot.
 * @throws PotterError `SERIALIZATION_FAILED` when the snapshot is damaged, or whatever the schema's `fromJson` throws.
 */
export function stateIn<State>(schema: StateSchema<State>, snapshot: Snapshot): State {
  if (hashOf(snapshot) !== snapshot.stateHash) {
    throw new PotterError('SERIALIZATION_FAILED', {
      message: `The snapshot of '${snapshot.stream}' at version ${snapshot.version} does not match its hash.`,
      remedy:
        'Nothing needs doing: the state is replayed from events. If it happens again, look for what edits the table.',
      details: { stream: snapshot.stream, version: snapshot.version },
    });
  }
  return schema.fromJson(jsonCodec.decode(snapshot.state));
}
