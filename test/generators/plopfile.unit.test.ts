import Handlebars from 'handlebars';
import { expect, test } from 'vitest';
import plopfile from '../../generators/plopfile.ts';

/** What plop is told, without plop: it asks, and writes into this checkout. */
function told(): { readonly actions: readonly Action[]; readonly handlebars: typeof Handlebars } {
  const handlebars = Handlebars.create();
  let actions: readonly Action[] = [];
  const plop = {
    setHelper: (name: string, helper: Handlebars.HelperDelegate) => {
      handlebars.registerHelper(name, helper);
    },
    setGenerator: (_name: string, config: { readonly actions: readonly Action[] }) => {
      ({ actions } = config);
    },
  };
  plopfile(plop as unknown as Parameters<typeof plopfile>[0]);
  return { actions, handlebars };
}

interface Action {
  readonly type: string;
  readonly path: string;
  readonly template?: string;
  readonly transform?: (source: string, answers: object) => string;
}

const ANSWERS = {
  name: 'saga-refund',
  title: "A refund's saga",
  summary: 'Money "back".',
  features: ['service', 'postgres'],
};

test('template:new writes a manifest, a first template and a line in the registry', () => {
  const { actions, handlebars } = told();
  const written = actions.map(({ type, path, template, transform }) => ({
    type,
    path: handlebars
      .compile(path)(ANSWERS)
      .replace(/^.*\/(?=generators|templates)/u, ''),
    text:
      template === undefined
        ? transform?.('export const EXAMPLES: readonly E[] = [\n  sagaOrder,\n];\n', ANSWERS)
        : handlebars.compile(template)(ANSWERS),
  }));
  expect(written).toMatchObject([
    { type: 'add', path: 'generators/examples/saga-refund.ts' },
    { type: 'add', path: 'templates/saga-refund/package.json.hbs' },
    { type: 'modify', path: 'generators/examples/registry.ts' },
  ]);
  const [manifest, template, registry] = written.map(({ text }) => text);
  expect(manifest).toContain('export const sagaRefund: ExampleDefinition = defineExample({');
  expect(manifest).toContain(String.raw`summary: "Money \"back\".",`);
  expect(manifest).toContain('features: ["service","postgres"],');
  expect(template).toContain('"name": {{json packageName}},');
  expect(template).toContain('"potter-runtime": {{json runtimeSpec}}');
  expect(registry).toBe(
    "import { sagaRefund } from './saga-refund.ts';\nexport const EXAMPLES: readonly E[] = [sagaOrder, sagaRefund];\n",
  );
});
