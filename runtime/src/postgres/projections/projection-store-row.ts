import type {
  DeadLetter,
  FailedItem,
  Generation,
  PausedProjection,
} from '../../projections/projection-store.ts';
import { msOf } from '../connection/ms-of.ts';

/** Columns of a generation; every runner looks at it the same way. */
export const GENERATION_COLUMNS: string = `
  name, generation, version, role, position::text, handled::text,
  CASE WHEN updated_at > clock_timestamp() - interval '10 seconds' THEN rate ELSE 0 END AS rate,
  ${msOf('paused_at')} AS paused_ms, failure,
  CASE WHEN expires_at > clock_timestamp() THEN owner END AS runner,
  ${msOf('started_at')} AS started_ms, ${msOf('updated_at')} AS updated_ms`;

/** What {@link GENERATION_COLUMNS} give back. */
export interface GenerationRow {
  readonly name: string;
  readonly generation: number;
  readonly version: number;
  readonly role: Generation['role'];
  readonly position: string;
  readonly handled: string;
  readonly rate: number;
  readonly paused_ms: number | null;
  readonly failure: string | null;
  readonly runner: string | null;
  readonly started_ms: number;
  readonly updated_ms: number;
}

export function generationOf(row: GenerationRow): Generation {
  return {
    name: row.name,
    generation: row.generation,
    version: row.version,
    role: row.role,
    position: BigInt(row.position),
    handled: BigInt(row.handled),
    rate: row.rate,
    paused: pausedOf(row),
    runner: row.runner,
    startedAt: new Date(row.started_ms),
    updatedAt: new Date(row.updated_ms),
  };
}

function pausedOf({ paused_ms: ms, failure }: GenerationRow): PausedProjection | null {
  if (ms === null) return null;
  return { at: new Date(ms), failure: failure === null ? null : failureOf(failure) };
}

interface StoredFailure {
  readonly position: string;
  readonly attempts: number;
  readonly error: FailedItem['error'];
}

/** A failure as JSON text: a bigint has no other form there. */
export function failureText({ position, attempts, error }: FailedItem): string {
  const stored: StoredFailure = { position: position.toString(), attempts, error };
  return JSON.stringify(stored);
}

function failureOf(text: string): FailedItem {
  const { position, attempts, error } = JSON.parse(text) as StoredFailure;
  return { position: BigInt(position), attempts, error };
}

/** A row of the dead letters, its columns as text where they are large numbers. */
export interface DeadLetterRow {
  readonly name: string;
  readonly position: string;
  readonly attempts: number;
  readonly error: string;
  readonly at_ms: number;
}

export function deadLetterOf(row: DeadLetterRow): DeadLetter {
  return {
    name: row.name,
    position: BigInt(row.position),
    attempts: row.attempts,
    error: JSON.parse(row.error) as FailedItem['error'],
    at: new Date(row.at_ms),
  };
}
