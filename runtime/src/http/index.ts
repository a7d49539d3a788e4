/**
 * HTTP: the chassis of a service on Fastify and TypeBox. Problem details, health, readiness, metrics, OpenAPI,
 * idempotency keys and a graceful stop are there from the start; routes are Fastify's own.
 */

// A service
export { createHttpService, type HttpService, type HttpServiceOptions } from './http-service.ts';
export type { HttpApp, TypeBoxTypeProvider } from './http-app.ts';
export type { RouteBody, RouteHandler, RouteReply, RouteRequest } from './route-types.ts';
export type { ListenOptions } from './lifecycle/listen.ts';
export type { ServiceResource } from './lifecycle/close-in-order.ts';
export { exitWithOneLine } from './lifecycle/exit-with-one-line.ts';

// Environment variables
export {
  environment,
  readEnvironment,
  SERVICE_VARIABLES,
  type Environment,
  type Variables,
} from './environment/environment.ts';
export {
  duration,
  flag,
  host,
  integer,
  oneOf,
  optional,
  port,
  postgresUrl,
  text,
  url,
  type Variable,
} from './environment/variable.ts';

// Logging
export { createLogger, type LoggerOptions, type LogLevel } from './logging/create-logger.ts';
export { redact, redactUrls } from './logging/redaction.ts';

// Problems: what refused and failed requests are answered with
export {
  PROBLEM_MEDIA_TYPE,
  problemResponse,
  problemSchema,
  type FieldError,
  type Problem,
  type RequestPart,
} from './problems/problem.ts';
export { problemOf, type ProblemAnswer, type ProblemContext } from './problems/problem-of.ts';
export { ERROR_STATUS, REJECTION_STATUS } from './problems/problem-status.ts';
export { ValidationError } from './problems/validation-error.ts';

// Requests that change state
export type { CommandContext, CommandFactory, CommandWrite } from './idempotency/command.ts';
export type {
  IdempotencyStore,
  IdempotentOutcome,
  OnceOptions,
  RememberedResponse,
  RequestIdentity,
  RequestSubject,
} from './idempotency/idempotency-store.ts';
export { InMemoryIdempotencyStore } from './idempotency/in-memory-idempotency-store.ts';
export { IDEMPOTENCY_HEADER, REPLAYED_HEADER } from './idempotency/request-identity.ts';

// Versions in requests: ETag and If-Match (If-None-Match is answered by the chassis)
export { etagOf } from './conditional/entity-tags.ts';
export {
  assertIfMatch,
  ifMatch,
  ifMatchHeaders,
  type ConditionalRequest,
  type ExpectedByIfMatch,
} from './conditional/if-match.ts';

// Times and pages in requests
export { instant, parseInstant } from './requests/instants.ts';
export { afterPosition, pageLimit, parsePosition } from './requests/paging.ts';

// Answers that go on: server-sent events
export {
  sendEvents,
  type EventStreamContext,
  type EventStreamOptions,
  type ServerSentEvent,
} from './streams/server-sent-events.ts';

// What a request carries
export {
  CORRELATION_HEADER,
  requestMetadata,
  type RequestMetadata,
} from './requests/correlation.ts';

// Operations
export type { ReadinessCheck, ReadinessReport } from './operations/readiness.ts';
export type { MetricsSource } from './operations/metrics-source.ts';

// Sagas
export { sagaRoutes, type SagaReader, type SagaRoutesOptions } from './sagas/saga-routes.ts';
export {
  OPERATOR_HEADER,
  type SagaOperationOptions,
  type SagaTeller,
} from './sagas/saga-operation-routes.ts';
export { sagaQueryRoutes, type SagaQueryRoutesOptions } from './sagas/saga-query-routes.ts';

// Projections
export {
  projectionRoutes,
  type ProjectionOperator,
  type ProjectionRoutesOptions,
} from './projections/projection-routes.ts';

// Two-phase commit: a service as a participant
export {
  twoPhaseParticipantRoutes,
  type TwoPhaseParticipantRoutesOptions,
} from './two-phase/participant-routes.ts';
