import { v7, validate } from 'uuid';

/** A new UUIDv7 (RFC 9562): ids made later in one process sort later. */
export function newId(): string {
  return v7();
}

/** Whether a string is a UUID of any version, in its text form. */
export function isUuid(value: string): boolean {
  return validate(value);
}
