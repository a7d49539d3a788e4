import type { BoundProjection } from './projection.ts';
import type { Generation, PausedProjection } from './projection-store.ts';

/** How far a generation is. */
export interface GenerationProgress {
  readonly generation: number;
  readonly version: number;
  readonly position: bigint;
  /** The last position there is to read. */
  readonly head: bigint;
  /** Positions still to go; 0n: caught up. */
  readonly lag: bigint;
  /** How much of the way is done, 0 to 1. */
  readonly done: number;
  /** Items a second, lately. */
  readonly rate: number;
  readonly handled: bigint;
  /** `stopped`: no process runs it. */
  readonly state: 'running' | 'paused' | 'stopped';
  readonly paused: PausedProjection | null;
  readonly startedAt: Date;
  readonly updatedAt: Date;
}

/** How far a projection is: its live rows, and those that are being built beside them. */
export interface ProjectionProgress {
  readonly name: string;
  /** Null while the first rows are still being built out of sight. */
  readonly live: GenerationProgress | null;
  readonly rebuild: GenerationProgress | null;
}

/** The progress of one projection out of what is stored of it. */
export async function progressOf<Tx>(
  { identity, head }: BoundProjection<Tx>,
  generations: readonly Generation[],
): Promise<ProjectionProgress> {
  const last = await head();
  const find = (role: Generation['role']): GenerationProgress | null => {
    const found = generations.findLast(
      (generation) => generation.name === identity.name && generation.role === role,
    );
    return found === undefined ? null : generationProgress(found, last);
  };
  return { name: identity.name, live: find('live'), rebuild: find('building') };
}

function generationProgress(generation: Generation, head: bigint): GenerationProgress {
  const { position, paused, runner } = generation;
  // The head was read after the generation, and a checkpoint may stand after the last position, on one that died.
  const lag = head > position ? head - position : 0n;
  const running = runner === null ? 'stopped' : 'running';
  return {
    generation: generation.generation,
    version: generation.version,
    position,
    head,
    lag,
    done: lag === 0n ? 1 : Number(position) / Number(head),
    rate: generation.rate,
    handled: generation.handled,
    state: paused === null ? running : 'paused',
    paused,
    startedAt: generation.startedAt,
    updatedAt: generation.updatedAt,
  };
}
