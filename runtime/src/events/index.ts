/** Events: what a domain makes, what a store gives back, and how old forms become new ones. */
export type {
  Event,
  EventMetadata,
  EventOfType,
  EventTypeOf,
  NewEvent,
  NewEventFields,
} from './event.ts';
export type { RecordedEvent, RecordedEventFields } from './recorded-event.ts';
export { parseStreamId, streamId, type StreamId } from './stream-id.ts';
export { causedBy, traceContextOf } from './caused-by.ts';
// Evolution of stored events
export {
  drop,
  split,
  upcast,
  type EventSchema,
  type UpcastOutput,
  type Upcaster,
} from './upcaster.ts';
export { noUpcasters, upcasterChain, type UpcasterChain } from './upcaster-chain.ts';
