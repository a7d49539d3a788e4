import type { Feature } from './features.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The manifest of one example: everything about it that is not a template. */
export interface ExampleDefinition {
  /** Folder under `templates/`, argument of the command, default directory. kebab-case. */
  readonly name: string;
  readonly title: string;
  /** One sentence for `--list`, the prompt and the README. */
  readonly summary: string;
  readonly features: readonly Feature[];
  /** Output paths where the example's own file replaces an overlay's. Everything else may have one owner only. Default: none. */
  readonly overrides?: readonly string[];
  /** Facts that templates read as `data.*`. Default: none. */
  readonly data?: { readonly [key: string]: JsonValue };
}

/** Keeps the literal types of a manifest and checks its shape where it is written. */
export function defineExample<const Definition extends ExampleDefinition>(
  definition: Definition,
): Definition {
  return definition;
}
