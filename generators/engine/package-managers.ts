export const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn', 'bun'] as const;

export type PackageManagerName = (typeof PACKAGE_MANAGERS)[number];

/** The commands of a package manager, as templates and messages spell them. */
export interface PackageManager {
  readonly name: PackageManagerName;
  readonly install: string;
  /** Install exactly what the lockfile says. */
  readonly ci: string;
  /** Prefix of a script: `npm run`. */
  readonly run: string;
  /** Prefix of a binary of a dependency: `npx`. */
  readonly exec: string;
  readonly lockfile: string;
  /** Of what is installed, leave only what runs. */
  readonly production: string;
  /** Where package.json pins what dependencies bring: each manager reads its own field and no other. */
  readonly overrides: 'overrides' | 'resolutions';
}

const MANAGERS: Readonly<Record<PackageManagerName, PackageManager>> = {
  npm: {
    name: 'npm',
    install: 'npm install',
    ci: 'npm ci',
    run: 'npm run',
    exec: 'npx',
    lockfile: 'package-lock.json',
    production: 'npm prune --omit=dev --ignore-scripts',
    overrides: 'overrides',
  },
  pnpm: {
    name: 'pnpm',
    install: 'pnpm install',
    ci: 'pnpm install --frozen-lockfile',
    run: 'pnpm run',
    exec: 'pnpm exec',
    lockfile: 'pnpm-lock.yaml',
    production: 'pnpm prune --prod --ignore-scripts',
    overrides: 'resolutions',
  },
  // Yarn 1: what Corepack and the machines of hosted CI bring.
  yarn: {
    name: 'yarn',
    install: 'yarn install',
    ci: 'yarn install --frozen-lockfile',
    run: 'yarn run',
    exec: 'yarn run',
    lockfile: 'yarn.lock',
    production: 'yarn install --production --frozen-lockfile --ignore-scripts',
    overrides: 'resolutions',
  },
  bun: {
    name: 'bun',
    install: 'bun install',
    ci: 'bun install --frozen-lockfile',
    run: 'bun run',
    exec: 'bunx',
    lockfile: 'bun.lock',
    // It takes nothing away that is there.
    production: 'rm -rf node_modules && bun install --production --frozen-lockfile',
    overrides: 'overrides',
  },
};

export const packageManager = (name: PackageManagerName): PackageManager => MANAGERS[name];

/** The manager that started us, which every manager tells in `npm_config_user_agent`; npm when started by hand. */
export function detectPackageManager(userAgent: string | undefined): PackageManagerName {
  const name = userAgent?.split('/', 1)[0];
  return PACKAGE_MANAGERS.find((manager) => manager === name) ?? 'npm';
}
