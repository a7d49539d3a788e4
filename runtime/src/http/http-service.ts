import { setMaxListeners } from 'node:events';
import Fastify, { LogController, type FastifyRequest } from 'fastify';
import type { Duration } from '../foundation/duration.ts';
import { durationMs } from '../foundation/duration.ts';
import { type Logger, silentLogger } from '../foundation/logger.ts';
import { noopMeter } from '../observability/meter.ts';
import { noopTracer, type Tracer } from '../observability/tracer.ts';
import { answerNotModified } from './conditional/not-modified.ts';
import type { HttpApp, TypeBoxTypeProvider } from './http-app.ts';
import { type CommandFactory, commandFactory } from './idempotency/command.ts';
import type { IdempotencyStore } from './idempotency/idempotency-store.ts';
import { sweepRegularly } from './idempotency/sweep-regularly.ts';
import { closeInOrder, type ServiceResource } from './lifecycle/close-in-order.ts';
import { InFlight } from './lifecycle/in-flight.ts';
import { closeSilentConnections } from './lifecycle/silent-connections.ts';
import { type ListenOptions, listenOn } from './lifecycle/listen.ts';
import { runUntilStopped } from './lifecycle/run-until-stopped.ts';
import { fastifyLogger } from './logging/fastify-logger.ts';
import { describeApi } from './openapi/openapi.ts';
import type { MetricsSource } from './operations/metrics-source.ts';
import { observeRequests } from './operations/observe-requests.ts';
import { Readiness, type ReadinessCheck } from './operations/readiness.ts';
import { operationsRoutes } from './operations/routes.ts';
import { AllowedMethods } from './problems/allowed-methods.ts';
import { answerClientError, answerProblems, sendProblem } from './problems/answer-problems.ts';
import { acceptJsonBodies } from './requests/json-body.ts';
import { CORRELATION_HEADER, correlationIdOf } from './requests/correlation.ts';
import { giveHandlersContext } from './requests/handler-context.ts';
import { guardRequests } from './requests/guard-requests.ts';
import { validatorCompiler } from './requests/validator.ts';

/** What a service is made of. */
export interface HttpServiceOptions<Tx> {
  /** As it stands in the log and in the OpenAPI document. */
  readonly name: string;
  /** The version of the API. */
  readonly version: string;
  readonly description?: string;
  /** Default: silence. */
  readonly logger?: Logger;
  /** Default: no traces. */
  readonly tracer?: Tracer;
  /** What `/metrics` shows. Default: there is no `/metrics`. */
  readonly metrics?: MetricsSource;
  /** What must be true before `/ready` says 200. Default: nothing. */
  readonly readiness?: readonly ReadinessCheck[];
  /** Where answers are remembered by `Idempotency-Key`. Needed for `command`. */
  readonly idempotency?: IdempotencyStore<Tx>;
  /** Whose key it is: the signed-in user, say. Default: one scope for everybody. */
  readonly idempotencyScope?: (request: FastifyRequest) => string;
  /** Turns errors of drivers into errors with a code, at the edge: `translatePostgresError`. Default: as they are. */
  readonly translateError?: (error: unknown) => unknown;
  /** Larger bodies are refused with 413. Bytes; default 1 MiB. */
  readonly bodyLimitBytes?: number;
  /** Closed one after the other, in this order, once the last request is answered: sagas first, then pools. */
  readonly resources?: readonly ServiceResource[];
  /** The longest a stop may take, requests and resources together. Default 10 s. */
  readonly shutdownTimeout?: Duration;
}

/** A service: routes are added to `app`, then it runs. */
export interface HttpService<Tx = never> extends AsyncDisposable {
  readonly app: HttpApp;
  /** Makes the handler of a request that changes state: it honours `Idempotency-Key`. */
  readonly command: CommandFactory<Tx>;
  /** Fires when the service begins to stop. Whatever answers for long (a stream) ends then. */
  readonly stopping: AbortSignal;
  readonly tracer: Tracer;
  /** Opens the port and logs `listening on http://HOST:PORT`. Returns the address. */
  listen(options?: ListenOptions): Promise<string>;
  /** Listens, then stops on SIGTERM or SIGINT and ends the process: 0 in time, 1 else. For `main.ts`. */
  run(options?: ListenOptions): Promise<void>;
  /** Stops accepting, finishes what is in flight, closes the resources. Resolves to what did not end in time. */
  close(): Promise<readonly string[]>;
}

/** Builds the chassis of a service: problems, health, readiness, metrics, OpenAPI, idempotency keys, graceful stop. */
export async function createHttpService<Tx = never>(
  options: HttpServiceOptions<Tx>,
): Promise<HttpService<Tx>> {
  const { logger = silentLogger, tracer = noopTracer, translateError = (error) => error } = options;
  const stop = new AbortController();
  // Every answer that is under way may listen to it.
  setMaxListeners(0, stop.signal);
  const app = createApp(options, logger);
  const methods = new AllowedMethods();
  app.addHook('onRoute', (route) => methods.add(route));
  const inFlight = new InFlight(app, stop.signal);
  closeSilentConnections(app, stop.signal);
  guardRequests(app);
  acceptJsonBodies(app);
  answerNotModified(app);
  answerProblems(app, methods, translateError);
  observeRequests(app, options.metrics ?? noopMeter);
  giveHandlersContext(app, tracer);
  await describeApi(app, options);
  const readiness = new Readiness(options.readiness ?? [], stop.signal);
  operationsRoutes(app, { readiness, metrics: options.metrics });
  const command = commandFactory<Tx>({
    store: options.idempotency,
    tracer,
    scopeOf: options.idempotencyScope ?? (() => ''),
    translateError,
  });
  if (options.idempotency) sweepRegularly(options.idempotency, logger, stop.signal);

  let closed: Promise<readonly string[]> | undefined;
  const close = (): Promise<readonly string[]> => {
    stop.abort();
    closed ??= closeInOrder({
      app,
      inFlight,
      logger,
      resources: options.resources ?? [],
      timeoutMs: durationMs(options.shutdownTimeout ?? '10s'),
    });
    return closed;
  };
  const listen = async (where: ListenOptions = {}): Promise<string> => {
    const url = await listenOn(app, where);
    logger.info(`listening on ${url}`);
    return url;
  };
  return {
    app,
    command,
    tracer,
    stopping: stop.signal,
    listen,
    close,
    run: (where) => runUntilStopped({ listen: () => listen(where), close, logger }),
    [Symbol.asyncDispose]: async () => void (await close()),
  };
}

function createApp<Tx>(options: HttpServiceOptions<Tx>, logger: Logger): HttpApp {
  const app = Fastify({
    loggerInstance: fastifyLogger(logger),
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'correlationId',
    }),
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    // The whole request must be here by then, in milliseconds: a slow sender may not hold a connection for ever.
    requestTimeout: 60_000,
    // Requests on open connections get our own 503 while the service stops.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1_024 },
    genReqId: (request) => correlationIdOf(request.headers[CORRELATION_HEADER]),
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler: answerClientError,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.addHook(
    'onRequest',
    async (request, reply) => void reply.header(CORRELATION_HEADER, request.id),
  );
  return app;
}
