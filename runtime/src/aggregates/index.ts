/** Aggregates: two styles of writing one, and the repository both stand on. */
// As plain functions
export {
  decider,
  type Decider,
  type DeciderCommand,
  type DeciderOptions,
  type Decision,
  type Evolve,
} from './decider.ts';
// As a class
export {
  Aggregate,
  aggregate,
  type AggregateCommand,
  type AggregateOptions,
  type ClassAggregate,
  type EventCases,
} from './aggregate.ts';
// Loading and handling, the same for both
export { repository, type Repository } from './repository.ts';
export type {
  Handled,
  HandleOptions,
  Loaded,
  LoadOptions,
  RepositoryOptions,
} from './repository-options.ts';
export type {
  AggregateDefinition,
  CommandOf,
  Decided,
  EventOf,
  StateOf,
} from './aggregate-definition.ts';
