import type { Meter } from '../../observability/meter.ts';

/** A meter that can also show what it measured. `potter-runtime/prometheus` has one. */
export interface MetricsSource extends Meter {
  /** The media type of {@link MetricsSource.render}. */
  readonly contentType: string;
  /** Everything measured so far, as text for a scraper. */
  render(): Promise<string>;
}
