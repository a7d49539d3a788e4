import { fileURLToPath } from 'node:url';

/** The parts of the runtime that keep tables of their own, in the order in which they are migrated. */
export const RUNTIME_COMPONENTS = [
  'event-store',
  'event-store-filters',
  'sagas',
  'idempotency',
  'fences',
  'projections',
  'two-phase-commit',
  'two-phase-participant',
  'saga-read-models',
] as const;

/** One of the runtime's parts that keep tables. */
export type RuntimeComponent = (typeof RUNTIME_COMPONENTS)[number];

/** The folder with the migrations of a part: `migrations/<component>/` of this package. */
export function componentDirectory(component: RuntimeComponent): string {
  // The same from src/migrations/ and from dist/migrations/.
  return fileURLToPath(new URL(`../../migrations/${component}/`, import.meta.url));
}

/** Whether a text from outside names a part of the runtime. */
export function isRuntimeComponent(name: string): name is RuntimeComponent {
  return (RUNTIME_COMPONENTS as readonly string[]).includes(name);
}
