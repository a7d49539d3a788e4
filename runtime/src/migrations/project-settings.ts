import { readFile } from 'node:fs/promises';
import { PotterError } from '../errors/potter-error.ts';
import { notOneOf } from '../foundation/nearest.ts';
import {
  isRuntimeComponent,
  RUNTIME_COMPONENTS,
  type RuntimeComponent,
} from './runtime-components.ts';

/** What a project says about itself in `package.json`: `"potter": { "schema": ["event-store"] }`. */
export interface ProjectSettings {
  /** The parts of the runtime whose tables the project needs. */
  readonly components: readonly RuntimeComponent[];
}

/**
 * Reads the settings of the project in the current folder.
 * @throws PotterError `INVALID_CONFIGURATION`
 */
export async function readProjectSettings(): Promise<ProjectSettings> {
  const text = await readFile('package.json', 'utf8').catch(() => {
    throw invalid(`There is no package.json in ${process.cwd()}: run this in a project's folder.`);
  });
  const schema = memberOf(memberOf(parse(text), 'potter'), 'schema') ?? [];
  if (!Array.isArray(schema)) {
    throw invalid('potter.schema in package.json is not a list, such as ["event-store"].');
  }
  return { components: schema.map(toComponent) };
}

function toComponent(name: unknown): RuntimeComponent {
  if (typeof name === 'string' && isRuntimeComponent(name)) return name;
  throw invalid(`potter.schema in package.json: ${notOneOf(String(name), RUNTIME_COMPONENTS)}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`package.json is not JSON: ${String(error)}`);
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function invalid(message: string): PotterError {
  return new PotterError('INVALID_CONFIGURATION', { message });
}
