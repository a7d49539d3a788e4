import { builtinModules } from 'node:module';
import { GeneratorError } from './generator-error.ts';
import { portableNameProblem } from './output-path.ts';
import { kebab } from './words.ts';

/** The longest label of a host name, and of a PostgreSQL identifier: the name becomes both. */
const MAX_NAME_LENGTH = 63;
const MAX_PACKAGE_NAME_LENGTH = 214;

export interface ProjectName {
  /** Directory, compose project, image, database: `my-orders`. */
  readonly name: string;
  /** `name` of package.json, perhaps scoped: `@acme/my-orders`. */
  readonly packageName: string;
}

/** A name the user chose with `--name`: taken as it is or refused. */
export function projectNameFromOption(packageName: string): ProjectName {
  const problem = packageNameProblem(packageName);
  if (problem !== undefined) {
    const proposal = kebab(packageName);
    throw invalidName(`--name ${JSON.stringify(packageName)} ${problem}`, proposal, packageName);
  }
  return { name: kebab(unscoped(packageName)), packageName };
}

/** A name taken from the directory: spelt as npm wants it, refused only when nothing usable remains. */
export function projectNameFromDirectory(directoryName: string): ProjectName {
  const name = kebab(directoryName);
  const problem =
    name === '' ? 'has no letter or digit that npm accepts in a name' : packageNameProblem(name);
  if (problem !== undefined) {
    throw invalidName(
      `the directory name ${JSON.stringify(directoryName)} ${problem}`,
      'my-service',
      directoryName,
    );
  }
  return { name, packageName: name };
}

function invalidName(message: string, proposal: string, given: string): GeneratorError {
  const usable = packageNameProblem(proposal) === undefined ? proposal : 'my-service';
  return new GeneratorError('INVALID_NAME', {
    message,
    hint: `Choose another, for example --name ${usable}.`,
    details: { name: given },
  });
}

const unscoped = (packageName: string): string => packageName.replace(/^@[^/]*\//u, '');

/** Why npm, Windows, a host name or a database would refuse this package name; undefined when all take it. */
export function packageNameProblem(packageName: string): string | undefined {
  if (packageName.length > MAX_PACKAGE_NAME_LENGTH) {
    return `is longer than ${MAX_PACKAGE_NAME_LENGTH} characters`;
  }
  if (/\p{Lu}/u.test(packageName)) return 'has capital letters, which npm does not allow';
  if (!/^(?:@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*$/u.test(packageName)) {
    return 'is not a package name (lower-case letters, digits, - . _ ~, perhaps @scope/ before it)';
  }
  const own = unscoped(packageName);
  const name = kebab(own);
  if (name === '') return 'has no letter or digit';
  if (name.length > MAX_NAME_LENGTH) {
    return `is longer than ${MAX_NAME_LENGTH} characters, the limit of host and database names`;
  }
  if (own === 'node_modules' || own === 'favicon.ico') return 'is reserved by npm';
  if (packageName === own && builtinModules.includes(own)) return 'is a module of Node.js itself';
  const portable = portableNameProblem(own) ?? portableNameProblem(name);
  return portable;
}
