import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  RawServerDefault,
  RouteGenericInterface,
  RouteHandlerMethod,
} from 'fastify';
import type { ResolveFastifyReplyType } from 'fastify/types/type-provider.js';
import type { TypeBoxTypeProvider } from './http-app.ts';

/** The request of a route with this schema: params, query and body have its types. */
export type RouteRequest<Schema extends FastifySchema> = FastifyRequest<
  RouteGenericInterface,
  RawServerDefault,
  IncomingMessage,
  Schema,
  TypeBoxTypeProvider
>;

/** The reply of a route with this schema. */
export type RouteReply<Schema extends FastifySchema> = FastifyReply<
  RouteGenericInterface,
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  unknown,
  Schema,
  TypeBoxTypeProvider
>;

/** What a route with this schema may answer: any of its responses. */
export type RouteBody<Schema extends FastifySchema> = ResolveFastifyReplyType<
  TypeBoxTypeProvider,
  Schema,
  RouteGenericInterface
>;

/**
 * The handler of a route with this schema. Fastify's own type, so that a function that returns one has its schema
 * inferred from the route it is given to.
 */
export type RouteHandler<Schema extends FastifySchema> = RouteHandlerMethod<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  RouteGenericInterface,
  unknown,
  Schema,
  TypeBoxTypeProvider
>;
