import type { Meter } from '../observability/meter.ts';
import type { SnapshotTrouble } from './state-loader.ts';

/** What a repository measures. */
export interface RepositoryMetrics {
  handled(seconds: number): void;
  conflicted(): void;
  snapshotTrouble(trouble: SnapshotTrouble): void;
}

/** The instruments of one aggregate type. */
export function repositoryMetrics(meter: Meter, aggregate: string): RepositoryMetrics {
  const duration = meter.histogram('potter_aggregate_handle_duration_seconds', {
    help: 'Time to handle a command: waiting for its turn, load, decision, append and retries.',
    labels: ['aggregate'],
  });
  const conflicts = meter.counter('potter_aggregate_conflicts_total', {
    help: 'Appends refused because the stream had moved on.',
    labels: ['aggregate'],
  });
  const troubles = meter.counter('potter_snapshot_troubles_total', {
    help: 'Snapshots that could not be used (damaged, unreadable) or saved (unsaved).',
    labels: ['aggregate', 'trouble'],
  });
  return {
    handled: (seconds) => duration.record(seconds, { aggregate }),
    conflicted: () => conflicts.add(1, { aggregate }),
    snapshotTrouble: (trouble) => troubles.add(1, { aggregate, trouble }),
  };
}
