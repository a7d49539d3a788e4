import { PotterError } from '../../errors/potter-error.ts';

/** `/` and `~` part keys, `:` marks signals between sagas and parts their ids. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** @throws PotterError `SAGA_DEFINITION_INVALID` */
export function checkName(what: 'saga' | 'step' | 'signal' | 'case', name: string): void {
  if (NAME.test(name)) return;
  throw invalidDefinition(
    `'${name}' cannot be the name of a ${what}: up to 100 letters, digits, '.', '_' and '-', the first a letter or digit.`,
  );
}

export function invalidDefinition(message: string): PotterError {
  return new PotterError('SAGA_DEFINITION_INVALID', {
    message,
    remedy: 'Change the definition; nothing was started.',
  });
}
