import { checkName } from './names.ts';

declare const valueType: unique symbol;

/** Something that a saga can be told while it runs, with the type of its value. Made by {@link signal}. */
export interface Signal<Value> {
  readonly name: string;
  /**
   * Checks what arrives, where it arrives, so that a saga never sees a value of another form.
   * @throws whatever says best what is wrong: a `Rejection`, a `PotterError`.
   */
  readonly parse: (value: unknown) => Value;
  /** Only for the compiler. */
  readonly [valueType]?: Value;
}

/**
 * Names a signal and the form of its value.
 * @param parse checks and narrows what arrives. Default: takes it as it is, as `unknown`.
 * @throws PotterError `SAGA_DEFINITION_INVALID` for a name that cannot be used.
 */
export function signal<Value = unknown>(
  name: string,
  parse: (value: unknown) => Value = (value) => value as Value,
): Signal<Value> {
  checkName('signal', name);
  return Object.freeze({ name, parse });
}
