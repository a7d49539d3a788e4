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
}

const MANAGERS: Readonly<Record<PackageManagerName, PackageManager>> = {
  npm: {
    name: 'npm',
    install: 'npm install',
    ci: 'npm ci',
    run: 'npm run',
    exec: 'npx',
    lockfile: 'package-lock.json',
  },
  pnpm: {
    name: 'pnpm',
    install: 'pnpm install',
    ci: 'pnpm install --frozen-lockfile',
    run: 'pnpm run',
    exec: 'pnpm exec',
    lockfile: 'pnpm-lock.yaml',
  },
  yarn: {
    name: 'yarn',
    install: 'yarn install',
    ci: 'yarn install --immutable',
    run: 'yarn run',
    exec: 'yarn run',
    lockfile: 'yarn.lock',
  },
  bun: {
    name: 'bun',
    install: 'bun install',
    ci: 'bun install --frozen-lockfile',
    run: 'bun run',
    exec: 'bunx',
    lockfile: 'bun.lock',
  },
};

export const packageManager = (name: PackageManagerName): PackageManager => MANAGERS[name];

/** The manager that started us, which every manager tells in `npm_config_user_agent`; npm when started by hand. */
export function detectPackageManager(userAgent: string | undefined): PackageManagerName {
  const name = userAgent?.split('/', 1)[0];
  return PACKAGE_MANAGERS.find((manager) => manager === name) ?? 'npm';
}
