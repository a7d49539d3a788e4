import { join } from 'node:path';
import { applyPlan } from './apply.ts';
import { nodeDisk, type Disk } from './disk.ts';
import { finishInterruptedRun } from './move-into-target.ts';
import { planProject, type Plan } from './plan.ts';
import { renderProject, type ProjectRequest } from './project.ts';
import { MANIFEST_PATH } from './project-manifest.ts';
import type { ProjectFile } from './render.ts';
import { inspectTarget } from './target.ts';
import type { TemplateSource } from './template-set.ts';

export interface GenerateRequest extends ProjectRequest {
  /** Where the project goes, relative to `cwd`. */
  readonly directory: string;
  readonly cwd: string;
  /** Do everything but write. Default false. */
  readonly dryRun?: boolean;
}

/** render → plan → apply. Nothing is written before everything is rendered and nothing is in the way. */
export function generate(
  source: TemplateSource,
  request: GenerateRequest,
  disk: Disk = nodeDisk,
): Plan {
  const files = renderProject(source, request);
  const target = inspectTarget(disk, request.directory, request.cwd);
  const dryRun = request.dryRun === true;
  if (target.kind === 'existing' && !dryRun) {
    const finished = finishInterruptedRun(disk, target.directory);
    if (finished && isSameProject(disk, target.directory, files)) {
      const warnings = ['an earlier run was interrupted here; it is finished now'];
      return { target, files: files.map((file) => ({ ...file, action: 'create' })), warnings };
    }
  }
  const plan = planProject(disk, target, files);
  if (!dryRun) applyPlan(disk, plan);
  return plan;
}

/** Equal manifests: the same example, options, version and content of every file. */
function isSameProject(disk: Disk, directory: string, files: readonly ProjectFile[]): boolean {
  const manifest = files.find((file) => file.path === MANIFEST_PATH);
  const path = join(directory, ...MANIFEST_PATH.split('/'));
  if (manifest === undefined || disk.kind(path) !== 'file') return false;
  return Buffer.from(disk.read(path)).equals(manifest.bytes);
}
