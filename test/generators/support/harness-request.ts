import type { ProjectRequest } from '../../../generators/engine/project.ts';
import { fixtureService } from '../fixtures/registry.ts';

/** The project that the kill harness writes and that its test writes again. */
export const HARNESS_REQUEST: ProjectRequest = {
  example: fixtureService,
  options: {
    name: 'my-orders',
    packageName: 'my-orders',
    packageManager: 'npm',
    runtime: { spec: '^1.0.0' },
  },
  facts: { generatorVersion: '1.2.3', runtimeVersion: '1.0.0', nodeEngines: '>=20' },
};
