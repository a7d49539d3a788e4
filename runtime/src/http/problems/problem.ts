import { type TSchema, type TUnsafe, Type } from 'typebox';
import type { JsonValue } from '../../foundation/json.ts';

/** The part of a request that a value came from. */
export type RequestPart = 'body' | 'query' | 'path' | 'header';

/** One value that breaks a rule. */
export interface FieldError {
  /** Where the value was sent. */
  readonly in: RequestPart;
  /** JSON Pointer (RFC 6901) within that part: `/items/0/quantity`. Empty: the part as a whole. */
  readonly path: string;
  /** What is wrong with it, as a predicate: `must be integer`. */
  readonly message: string;
}

/** What every refused or failed request is answered with: problem details of RFC 9457, `application/problem+json`. */
export interface Problem {
  /** `about:blank`: the status says what kind of problem it is, `code` which one. */
  readonly type: string;
  /** The status in words. */
  readonly title: string;
  readonly status: number;
  /** What happened with which values, for a person. */
  readonly detail: string;
  /** Stable, for programs: of the runtime (docs/errors.md) or of the domain. */
  readonly code: string;
  /** Only with `VALIDATION_FAILED`: everything that is wrong, not only the first. */
  readonly errors?: readonly FieldError[];
  /** Only with status 500: what to look for in the log. */
  readonly correlationId?: string;
  /** Only with refusals of the domain: the values it gave. */
  readonly details?: { readonly [key: string]: JsonValue };
}

/** The media type of problem details. */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/**
 * Documents a refusal among the responses of a route, where the chassis cannot know of it: a body that names something
 * which may not exist has `404: problemResponse`. Its type is never, for a handler does not return one: it throws.
 */
export const problemResponse: TUnsafe<never> = Type.Unsafe<never>({ $ref: 'Problem#' });

/** The schema of {@link Problem} as it stands in the OpenAPI document. */
export const problemSchema: TSchema = Type.Object(
  {
    type: Type.String({ description: 'Always about:blank: see code.' }),
    title: Type.String({ description: 'The status in words.' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What happened with which values, for a person.' }),
    code: Type.String({
      pattern: '^[A-Z][A-Z0-9_]*$',
      description: 'What happened, for programs. Stable.',
    }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          in: Type.Enum(['body', 'query', 'path', 'header']),
          path: Type.String({ description: 'JSON Pointer within that part of the request.' }),
          message: Type.String(),
        }),
        { description: 'Only with VALIDATION_FAILED: everything that is wrong.' },
      ),
    ),
    correlationId: Type.Optional(
      Type.String({ description: 'Only with status 500: what to look for in the log.' }),
    ),
    details: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Only with refusals of the domain: the values that led to it.',
      }),
    ),
  },
  { $id: 'Problem', description: 'Problem details, RFC 9457.' },
);
