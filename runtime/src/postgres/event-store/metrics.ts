import type { Counter, Histogram, Meter } from '../../observability/meter.ts';

/** What the event store reports through the Meter port. */
export interface EventStoreMetrics {
  /** From the call of `append` to its answer. */
  readonly appendSeconds: Histogram;
  readonly appendedEvents: Counter;
  readonly conflicts: Counter;
  /** Appends that shared a statement. */
  readonly groupSize: Histogram;
  /** From the recording of the oldest event of a batch to the batch's delivery to a subscription. */
  readonly deliverySeconds: Histogram;
  /** How long a subscription waited for open transactions that might own a missing position. */
  readonly barrierSeconds: Histogram;
}

/** Registers the event store's instruments. */
export function eventStoreMetrics(meter: Meter): EventStoreMetrics {
  return {
    appendSeconds: meter.histogram('potter_event_append_duration_seconds', {
      help: 'Time from the call of append to its answer.',
      labels: ['outcome'],
    }),
    appendedEvents: meter.counter('potter_events_appended_total', { help: 'Events appended.' }),
    conflicts: meter.counter('potter_event_append_conflicts_total', {
      help: 'Appends refused because a stream was not at the expected version.',
    }),
    groupSize: meter.histogram('potter_event_append_group_size', {
      help: 'Appends that shared one statement.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    }),
    deliverySeconds: meter.histogram('potter_event_delivery_lag_seconds', {
      help: 'Time from the recording of the oldest event of a batch to its delivery to a subscription.',
    }),
    barrierSeconds: meter.histogram('potter_event_barrier_wait_seconds', {
      help: 'Time a subscription waited for open transactions that might own a missing position.',
    }),
  };
}
