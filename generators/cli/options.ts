import { PACKAGE_MANAGERS } from '../engine/package-managers.ts';

export interface CliOption {
  /** As commander reads it: `--name <package>`. */
  readonly flags: string;
  readonly description: string;
  /** Default in words, for help and documentation; absent where there is none. */
  readonly default?: string;
}

/** Every option of `create-potter-example`. The parser, the help, and the table in docs/generator.md come from or are checked against this. */
export const CLI_OPTIONS = [
  { flags: '--list', description: 'list the examples and exit' },
  {
    flags: '--name <package>',
    description: 'name in package.json, with or without a scope',
    default: "the directory's name",
  },
  {
    flags: '--package-manager <name>',
    description: `which one installs and appears in the files: ${PACKAGE_MANAGERS.join(', ')}`,
    default: 'the one that started this command, else npm',
  },
  {
    flags: '--runtime <spec>',
    description: 'version of potter-runtime, or a tarball of it to put into the project',
    default: 'the version this generator was released with',
  },
  { flags: '--no-install', description: 'do not install dependencies' },
  { flags: '--no-git', description: 'do not make a git repository with a first commit' },
  { flags: '--dry-run', description: 'do everything except writing; exits as the real run would' },
  { flags: '--json', description: 'print one JSON object on stdout; never asks' },
  { flags: '-y, --yes', description: 'take the defaults for everything not given; never asks' },
  { flags: '-v, --version', description: 'print the version and exit' },
  { flags: '-h, --help', description: 'print this help and exit' },
] as const satisfies readonly CliOption[];

export const ARGUMENTS = [
  { name: 'example', description: 'which example to write; see --list' },
  {
    name: 'directory',
    description: "where to write it (default: --name, else the example's name)",
  },
] as const;

/** Lines at the end of the help; the documentation test runs the generator with each. */
export const HELP_EXAMPLES: readonly string[] = [
  'npm create potter-example saga-order my-orders',
  'npx create-potter-example saga-order my-orders --package-manager pnpm',
  'npx create-potter-example eventsourcing-basic . --name @acme/accounts --no-git',
  'npx create-potter-example saga-order my-orders --dry-run --json',
];
