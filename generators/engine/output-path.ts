import { GeneratorError } from './generator-error.ts';

/** Longer relative paths break checkouts on Windows, where a whole path has 260 characters. */
const MAX_PATH_LENGTH = 200;

const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/iu;
// oxlint-disable-next-line no-control-regex -- control characters are exactly what has to be found
const FORBIDDEN_CHARACTER = /[<>:"|?*\\/\u0000-\u001f\u007f]/u;

/** Why this file or directory name cannot exist on Windows, macOS and Linux alike; undefined when it can. */
export function portableNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name === '.' || name === '..') return 'is a relative path';
  const forbidden = FORBIDDEN_CHARACTER.exec(name);
  if (forbidden !== null) return `has the character ${JSON.stringify(forbidden[0])}`;
  if (/[. ]$/u.test(name)) return 'ends with a dot or a space';
  if (WINDOWS_DEVICE.test(name)) return 'is a device name on Windows';
  if (name.length > MAX_PATH_LENGTH) return `is longer than ${MAX_PATH_LENGTH} characters`;
  return undefined;
}

/**
 * The output path of a template path: `.hbs` off, a leading `_` of a segment is a dot, `__` is a real underscore.
 * Both use `/`.
 */
export function outputPathOf(templatePath: string): string {
  return templatePath
    .replace(/\.hbs$/u, '')
    .split('/')
    .map((segment) => {
      if (segment.startsWith('__')) return segment.slice(1);
      return segment.startsWith('_') ? `.${segment.slice(1)}` : segment;
    })
    .join('/');
}

/**
 * Refuses a path that could leave the target or that some platform cannot store. Every path passes here before it is
 * joined to the target, whatever it came from.
 */
export function assertOutputPath(path: string): void {
  const problem = outputPathProblem(path);
  if (problem === undefined) return;
  throw new GeneratorError('TEMPLATE_INVALID', {
    message: `the output path ${JSON.stringify(path)} ${problem}`,
    details: { path },
  });
}

function outputPathProblem(path: string): string | undefined {
  if (path.length > MAX_PATH_LENGTH) return `is longer than ${MAX_PATH_LENGTH} characters`;
  if (/%(?:2e|2f|5c|00)/iu.test(path)) return 'has an encoded separator';
  for (const segment of path.split('/')) {
    const problem = portableNameProblem(segment);
    if (problem !== undefined)
      return `has the segment ${JSON.stringify(segment)}, which ${problem}`;
  }
  return undefined;
}

/** One key for names that a case-insensitive or normalising file system takes for the same. */
export function foldedPath(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

/** Refuses two paths that would be one file on a case-insensitive disk, or a file that is also a directory. */
export function assertNoCollisions(paths: Iterable<string>): void {
  const files = new Map<string, string>();
  const directories = new Map<string, string>();
  for (const path of paths) {
    const key = foldedPath(path);
    const other = files.get(key) ?? directories.get(key);
    if (other !== undefined) throw collision(path, other);
    files.set(key, path);
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const directory = path.slice(0, end);
      const folded = foldedPath(directory);
      const file = files.get(folded);
      if (file !== undefined) throw collision(path, file);
      const same = directories.get(folded);
      if (same !== undefined && same !== directory) throw collision(directory, same);
      directories.set(folded, directory);
    }
  }
}

function collision(path: string, other: string): GeneratorError {
  return new GeneratorError('TEMPLATE_INVALID', {
    message: `the output paths ${JSON.stringify(other)} and ${JSON.stringify(path)} collide`,
    hint: 'On Windows and macOS names that differ only in case are one file.',
    details: { paths: [other, path] },
  });
}
