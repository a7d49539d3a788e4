import { Settings } from 'typebox/system';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import type { FieldError, RequestPart } from '../problems/problem.ts';
import { ValidationError } from '../problems/validation-error.ts';
import { coerceParameters } from './coerce-parameters.ts';
import { MAX_ERRORS } from './hostile-values.ts';
import { pointer } from './json-pointer.ts';
import { withLiteralsNamed } from './literal-branches.ts';
import { withoutNullBranch } from './null-branch.ts';

const PARTS: Readonly<Record<string, RequestPart>> = {
  body: 'body',
  querystring: 'query',
  query: 'query',
  params: 'path',
  headers: 'header',
};

/** Compiles the schemas of routes with TypeBox: bodies as they are, everything else coerced from text first. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const part = PARTS[httpPart ?? 'body'] ?? 'body';
  const validator = Compile(schema);
  return (sent: unknown) => {
    const value = part === 'body' ? sent : coerceParameters(schema, sent);
    if (validator.Check(value)) return { value };
    const errors = allErrors(() => validator.Errors(value));
    const told = withLiteralsNamed(withoutNullBranch(errors));
    return {
      error: new ValidationError(distinct(told.flatMap((error) => fieldErrors(error, part)))),
    };
  };
};

/** TypeBox stops at 8 errors, by a setting of the whole process: raised for this one synchronous call only. */
function allErrors(collect: () => TLocalizedValidationError[]): TLocalizedValidationError[] {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: MAX_ERRORS });
  try {
    return collect();
  } finally {
    Settings.Set({ maxErrors });
  }
}

function fieldErrors(error: TLocalizedValidationError, part: RequestPart): readonly FieldError[] {
  const at = error.instancePath;
  const under = (name: string, message: string): FieldError => ({
    in: part,
    path: pointer(at, name),
    message,
  });
  if (error.keyword === 'required') {
    return error.params.requiredProperties.map((name) => under(name, 'is required'));
  }
  if (error.keyword === 'additionalProperties') {
    return error.params.additionalProperties.map((name) =>
      under(name, 'is not a field of this request'),
    );
  }
  // The same unknown field again, as the schema `false`.
  if (error.keyword === 'boolean') return [];
  if (error.keyword === 'enum') {
    const message = `must be one of ${error.params.allowedValues.map(String).join(', ')}`;
    return [{ in: part, path: at, message }];
  }
  if (error.keyword === 'const')
    return [{ in: part, path: at, message: `must be ${String(error.params.allowedValue)}` }];
  if (error.keyword === 'anyOf')
    return [{ in: part, path: at, message: 'must have one of the accepted forms' }];
  return [{ in: part, path: at, message: error.message }];
}

function distinct(errors: readonly FieldError[]): readonly FieldError[] {
  const seen = new Set<string>();
  return errors.filter(({ path, message }) => {
    const key = `${path} ${message}`;
    return seen.has(key) ? false : seen.add(key) !== undefined;
  });
}
