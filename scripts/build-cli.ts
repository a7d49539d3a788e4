import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform, type BuildOptions } from 'esbuild';
import { writeFile } from 'node:fs/promises';
import { checkoutFacts } from '../generators/cli/checkout-facts.ts';
import { EXAMPLES } from '../generators/examples/registry.ts';
import { CHECKOUT } from './checkout.ts';
import { precompileTemplates } from './precompile-templates.ts';

export interface CliBuild {
  /** Where the bundle goes. Default: `dist/` of the checkout. */
  readonly outDirectory: string;
  readonly templates: string;
  /** Module that exports `EXAMPLES`. */
  readonly registry: string;
  readonly examples: readonly string[];
}

const CHECKOUT_BUILD: CliBuild = {
  outDirectory: join(CHECKOUT, 'dist'),
  templates: join(CHECKOUT, 'templates'),
  registry: join(CHECKOUT, 'generators', 'examples', 'registry.ts'),
  examples: EXAMPLES.map((example) => example.name),
};

/** CommonJS, because it starts a third faster than modules do; minified, because npm has to bring it. */
const COMMON: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
};

/** Builds what is published: launcher, command line, prompts, one chunk of templates an example, and the JSON Schema. */
export async function buildCli(choices: Partial<CliBuild> = {}): Promise<void> {
  const options = { ...CHECKOUT_BUILD, ...choices };
  const { outDirectory } = options;
  const source = join(CHECKOUT, 'generators');
  rmSync(outDirectory, { recursive: true, force: true });
  mkdirSync(join(outDirectory, 'templates'), { recursive: true });

  const facts = checkoutFacts((path) => readFileSync(join(CHECKOUT, path), 'utf8'));
  await build({
    ...COMMON,
    entryPoints: [join(source, 'cli', 'published.ts')],
    outfile: join(outDirectory, 'cli.cjs'),
    define: { GENERATOR_FACTS: JSON.stringify(facts) },
    // The compiler stays at home: compiled templates need only the runtime half.
    alias: { handlebars: 'handlebars/runtime' },
    // `import()` of a neighbour becomes a lazy require.
    supported: { 'dynamic-import': false },
    plugins: [
      {
        name: 'neighbours',
        setup: (plugin) => {
          plugin.onResolve({ filter: /\/clack-questions\.ts$/ }, () => ({
            path: './prompts.cjs',
            external: true,
          }));
          // Commander can run subcommands as programs; we have none, and loading what starts programs takes 4 ms.
          plugin.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
            /[\\/]commander[\\/]/u.test(importer)
              ? { path: 'nothing', namespace: 'nothing' }
              : undefined,
          );
          plugin.onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: '' }));
          plugin.onResolve({ filter: /\/registry\.ts$/ }, () => ({ path: options.registry }));
        },
      },
    ],
  });
  await build({
    ...COMMON,
    entryPoints: [join(source, 'prompts', 'clack-questions.ts')],
    outfile: join(outDirectory, 'prompts.cjs'),
  });
  for (const [name, code] of precompileTemplates(options.templates, options.examples)) {
    const minified = await transform(code, { minify: true, target: 'node20.19', loader: 'js' });
    await writeFile(join(outDirectory, 'templates', `${name}.cjs`), minified.code);
  }
  cpSync(join(source, 'cli', 'launcher.cjs'), join(outDirectory, 'create-potter-example.cjs'));
  cpSync(join(source, 'cli', 'result.schema.json'), join(outDirectory, 'result.schema.json'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCli();
