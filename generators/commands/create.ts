import { basename, relative, resolve } from 'node:path';
import { mayAsk, type CliContext } from '../cli/cli-context.ts';
import { nearest } from '../cli/nearest.ts';
import { didYouMean, type ParsedArguments } from '../cli/parse-arguments.ts';
import { EMPTY_RESULT, resultError, type Result } from '../cli/result.ts';
import { GeneratorError } from '../engine/generator-error.ts';
import { generate } from '../engine/generate.ts';
import { detectPackageManager, packageManager } from '../engine/package-managers.ts';
import type { Plan } from '../engine/plan.ts';
import { sha256 } from '../engine/project-manifest.ts';
import { projectNameFromDirectory, projectNameFromOption } from '../engine/project-name.ts';
import { resolveRuntimeSource } from '../engine/runtime-source.ts';
import type { GenerationOptions } from '../engine/template-data.ts';
import type { ExampleDefinition } from '../examples/example-definition.ts';
import { commandLine, nextCommands } from './next-steps.ts';

/** `create-potter-example [example] [directory]`: answers, then the project, then install and git. */
export async function createCommand(parsed: ParsedArguments, context: CliContext): Promise<Result> {
  const { example, directory } = await answers(parsed, context);
  const options = await generationOptions(parsed, directory, context);
  const plan = generate(context.templates, {
    example,
    options,
    facts: context.facts,
    directory,
    cwd: context.cwd,
    dryRun: parsed.dryRun,
  });
  const manager = packageManager(options.packageManager);
  const shown = relative(context.cwd, plan.target.directory) || '.';
  const result = describe(parsed, example, options, plan);
  const say = parsed.json ? context.stderr : context.stdout;
  const rerun = commandLine(context.invocation, example.name, shown, parsed, options);

  if (parsed.dryRun) {
    for (const file of result.files)
      say(`${file.action === 'keep' ? 'keep  ' : 'create'} ${file.path} (${file.bytes} B)\n`);
    say(`Dry run: ${result.files.length} files for ${shown}, nothing was written.\n`);
    return { ...result, next: [rerun] };
  }
  say(`Wrote ${example.name} to ${shown} (${result.files.length} files).\n`);
  let installed = false;
  let error: GeneratorError | undefined;
  if (parsed.install) {
    context.stderr(`Installing with ${manager.name} …\n`);
    try {
      const { installDependencies } = await import('./install-dependencies.ts');
      await installDependencies(plan.target.directory, manager, { ...context.env });
      installed = true;
    } catch (cause) {
      if (!(cause instanceof GeneratorError)) throw cause;
      error = cause;
    }
  }
  // After the install, so that the first commit has the lockfile; also after one that failed.
  const warnings = [
    ...result.warnings,
    ...(await makeRepository(parsed, context, plan.target.directory, example)),
  ];
  for (const warning of warnings) context.stderr(`note: ${warning}\n`);
  const next = nextCommands(shown, manager, installed);
  say(
    `\nNext:\n${next.map((line) => `  ${line}\n`).join('')}\nThe same again, without questions:\n  ${rerun}\n`,
  );
  return {
    ...result,
    ok: error === undefined,
    next,
    warnings,
    error: error === undefined ? null : resultError(error),
  };
}

async function answers(
  parsed: ParsedArguments,
  context: CliContext,
): Promise<{ readonly example: ExampleDefinition; readonly directory: string }> {
  const questions =
    parsed.example === undefined && mayAsk(context, parsed)
      ? await context.loadQuestions()
      : undefined;
  const name = parsed.example ?? (await questions?.example(context.examples));
  if (name === undefined && questions !== undefined) throw cancelled();
  if (name === undefined) {
    throw new GeneratorError('ANSWER_NEEDED', {
      message: 'which example? Give its name as the first argument',
      hint: `Examples: ${context.examples.map((example) => example.name).join(', ')}.`,
      details: { argument: 'example', valid: context.examples.map((example) => example.name) },
    });
  }
  const example = findExample(name, context.examples);
  const proposal =
    parsed.name === undefined ? example.name : projectNameFromOption(parsed.name).name;
  const asked = parsed.directory === undefined ? await questions?.directory(proposal) : undefined;
  if (parsed.directory === undefined && questions !== undefined && asked === undefined) {
    throw cancelled();
  }
  return { example, directory: parsed.directory ?? asked ?? proposal };
}

function cancelled(): GeneratorError {
  return new GeneratorError('CANCELLED', { message: 'cancelled; nothing was written' });
}

function findExample(name: string, examples: readonly ExampleDefinition[]): ExampleDefinition {
  const found = examples.find((example) => example.name === name);
  if (found !== undefined) return found;
  const names = examples.map((example) => example.name);
  const suggestion = nearest(name, names);
  throw new GeneratorError('UNKNOWN_EXAMPLE', {
    message: `there is no example ${JSON.stringify(name)}`,
    hint: `${didYouMean(suggestion)} Examples: ${names.join(', ')}.`.trimStart(),
    details: { example: name, suggestion: suggestion ?? null, valid: names },
  });
}

async function generationOptions(
  parsed: ParsedArguments,
  directory: string,
  context: CliContext,
): Promise<GenerationOptions> {
  const project =
    parsed.name === undefined
      ? projectNameFromDirectory(basename(resolve(context.cwd, directory)))
      : projectNameFromOption(parsed.name);
  return {
    ...project,
    packageManager:
      parsed.packageManager ?? detectPackageManager(context.env['npm_config_user_agent']),
    runtime: resolveRuntimeSource(parsed.runtime ?? (await context.defaultRuntime()), context.cwd),
  };
}

function describe(
  parsed: ParsedArguments,
  example: ExampleDefinition,
  options: GenerationOptions,
  plan: Plan,
): Result {
  return {
    ...EMPTY_RESULT,
    dryRun: parsed.dryRun,
    example: example.name,
    options: {
      name: options.name,
      packageName: options.packageName,
      packageManager: options.packageManager,
      runtime: options.runtime.spec,
      install: parsed.install,
      git: parsed.git,
    },
    dir: plan.target.directory,
    files: plan.files.map(({ path, action, bytes }) => ({
      path,
      action,
      bytes: bytes.length,
      sha256: sha256(bytes),
    })),
    warnings: plan.warnings,
  };
}

async function makeRepository(
  parsed: ParsedArguments,
  context: CliContext,
  directory: string,
  example: ExampleDefinition,
): Promise<readonly string[]> {
  if (!parsed.git) return [];
  const { initialiseRepository } = await import('./git-repository.ts');
  const outcome = initialiseRepository(
    directory,
    { ...context.env },
    `Create ${example.name} with create-potter-example ${context.facts.generatorVersion}`,
  );
  return outcome.kind === 'initialised'
    ? [`a git repository was made, but no commit: ${outcome.reason}`]
    : [];
}
