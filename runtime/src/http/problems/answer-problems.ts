import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PotterError } from '../../errors/potter-error.ts';
import { redactUrls } from '../logging/redaction.ts';
import type { HttpApp } from '../http-app.ts';
import type { AllowedMethods } from './allowed-methods.ts';
import { PROBLEM_MEDIA_TYPE, type Problem } from './problem.ts';
import { problemOf } from './problem-of.ts';

/** Answers a request with the problem that `error` is, and logs it when it is ours to mend. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { problem, headers } = problemOf(error, {
    correlationId: request.id,
    conditional: request.headers['if-match'] !== undefined,
  });
  if (problem.status >= 500) {
    request.log.error({ error, code: problem.code }, `answered ${problem.status} ${problem.code}`);
  }
  return reply
    .code(problem.status)
    .headers(headers)
    .type(PROBLEM_MEDIA_TYPE)
    .serializer((payload: Problem) => JSON.stringify(payload))
    .send(problem);
}

/** Everything that goes wrong is answered as a problem: in handlers, in Fastify, and where no route is. */
export function answerProblems(
  app: HttpApp,
  methods: AllowedMethods,
  translateError: (error: unknown) => unknown,
): void {
  app.setErrorHandler((error, request, reply) =>
    sendProblem(isCutOff(request) ? cutOff(error) : translateError(error), request, reply),
  );
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = methods.of(decodePath(path));
    // A route that has the method and still did not take the address: files, whose names are looked at by their handler.
    if (allowed.length === 0 || allowed.includes(request.method)) {
      return sendProblem(
        new PotterError('NOT_FOUND', {
          message: `There is nothing under ${request.method} ${redactUrls(path)}.`,
        }),
        request,
        reply,
      );
    }
    const allow = allowed.join(', ');
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow).send();
    const message = `${path} takes ${allow}, not ${request.method}.`;
    return sendProblem(
      new PotterError('METHOD_NOT_ALLOWED', { message, details: { allow } }),
      request,
      reply,
    );
  });
}

/** The sender went away, or broke HTTP, in the middle of the body: its socket's error is not the database's. */
function isCutOff({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete;
}

function cutOff(cause: unknown): PotterError {
  return new PotterError('BAD_REQUEST', {
    message: 'The request ended before its body did.',
    cause,
  });
}

function decodePath(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** Node's parser gave up on the bytes: there is no request to answer, only a socket. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code] = CLIENT_ERRORS[error.code ?? ''] ?? ([400, 'BAD_REQUEST'] as const);
  const title = STATUS_CODES[status] ?? 'Error';
  const detail = 'The request is not valid HTTP.';
  const problem: Problem = { type: 'about:blank', title, status, detail, code };
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'HEADERS_TOO_LARGE'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'TIMEOUT'],
};
