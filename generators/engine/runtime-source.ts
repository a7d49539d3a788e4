import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { describeIoError } from './disk.ts';
import { GeneratorError } from './generator-error.ts';
import { portableNameProblem } from './output-path.ts';

/** Where the project gets `potter-runtime` from. */
export interface RuntimeSource {
  /** What package.json says: `^0.1.0`, or `file:vendor/potter-runtime-0.1.0.tgz`. */
  readonly spec: string;
  /** The tarball that becomes part of the project; undefined for a registry's version. */
  readonly tarball?: { readonly path: string; readonly bytes: Uint8Array };
}

/** A version, range or dist-tag: nothing that could break out of a JSON string, a shell or a URL. */
const REGISTRY_SPEC =
  /^(?:[~^]|>=|<=|>|<|=)?[0-9a-z][0-9a-z.+-]*(?: (?:\|\| )?(?:[~^]|>=|<=|>|<|=)?[0-9a-z][0-9a-z.+-]*)*$/iu;

/** Reads `--runtime`: a version of potter-runtime, or a packed tarball that is then copied into the project. */
export function resolveRuntimeSource(option: string, cwd: string): RuntimeSource {
  if (!option.endsWith('.tgz')) {
    if (REGISTRY_SPEC.test(option)) return { spec: option };
    throw invalid(option, 'is neither a version, a tag, nor the path of a .tgz file');
  }
  const path = resolve(cwd, option.replace(/^file:/u, ''));
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw invalid(option, `cannot be read: ${describeIoError(error)}`, error);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) throw invalid(option, 'is not a gzipped tarball');
  const file = basename(path);
  const problem = portableNameProblem(file);
  if (problem !== undefined) throw invalid(option, problem);
  return { spec: `file:vendor/${file}`, tarball: { path: `vendor/${file}`, bytes } };
}

function invalid(option: string, problem: string, cause?: unknown): GeneratorError {
  return new GeneratorError('INVALID_RUNTIME', {
    message: `--runtime ${JSON.stringify(option)} ${problem}`,
    hint: 'Give a version such as ^0.1.0, or a tarball made by npm pack.',
    cause,
  });
}
