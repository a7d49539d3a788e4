import type { GeneratorFacts } from '../engine/template-data.ts';

interface PackageFacts {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** Reads the facts of a release from the package.json files of the checkout. */
export function checkoutFacts(readText: (path: string) => string): GeneratorFacts {
  const own = packageFacts(readText('package.json'));
  const runtime = packageFacts(readText('runtime/package.json'));
  return {
    generatorVersion: own.version,
    runtimeVersion: runtime.version,
    nodeEngines: runtime.engines.node,
  };
}

function packageFacts(text: string): PackageFacts {
  const value: unknown = JSON.parse(text);
  if (isPackageFacts(value)) return value;
  throw new TypeError('package.json needs a version and engines.node');
}

function isPackageFacts(value: unknown): value is PackageFacts {
  if (typeof value !== 'object' || value === null) return false;
  if (!('version' in value) || typeof value.version !== 'string') return false;
  if (!('engines' in value) || typeof value.engines !== 'object' || value.engines === null)
    return false;
  return 'node' in value.engines && typeof value.engines.node === 'string';
}
