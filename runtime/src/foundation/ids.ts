import { v5, v7, validate } from 'uuid';

/** Random bytes are fetched for many ids at once: one call for each costs more than the rest of an id. */
const BYTES_PER_ID = 16;
const random = new Uint8Array(BYTES_PER_ID * 256);
let used = random.length;

/** Ids are made here, one after the other: nothing has to be allocated for one but its text. */
const bytes = new Uint8Array(BYTES_PER_ID);
const view = new DataView(bytes.buffer);
const text = Buffer.from('00000000-0000-0000-0000-000000000000', 'latin1');
const DIGITS = Buffer.from('0123456789abcdef', 'latin1');
/** Where in the text each byte has its two digits. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** The time of the last id, and its number within that time: what keeps ids of one millisecond in order. */
let lastMs = 0;
let sequence = 0;

/** A new UUIDv7 (RFC 9562): ids made later in one process sort later. */
export function newId(): string {
  if (used === random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  for (let at = 0; at < BYTES_PER_ID; at += 1) bytes[at] = random[used + at] ?? 0;
  used += BYTES_PER_ID;
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // The upper half stays free to count in.
    sequence = view.getUint32(0) >>> 1;
  } else {
    sequence = (sequence + 1) >>> 0;
    if (sequence === 0) lastMs += 1;
  }
  v7({ random: bytes, msecs: lastMs, seq: sequence }, bytes);
  for (let at = 0; at < BYTES_PER_ID; at += 1) {
    const byte = bytes[at] ?? 0;
    const place = PLACES[at] ?? 0;
    text[place] = DIGITS[byte >> 4] ?? 0;
    text[place + 1] = DIGITS[byte & 15] ?? 0;
  }
  return text.toString('latin1');
}

/** Fixed for ever: names that were turned into ids must be turned into the same ones again. */
const NAMES = '6f1c0c5e-51a8-4c5b-8f0e-3d3a7f0b9a52';

/** The UUIDv5 (RFC 9562) of a name: the same in every process, different for different names. */
export function idOfName(name: string): string {
  return v5(name, NAMES);
}

/** Whether a string is a UUID of any version, in its text form. */
export function isUuid(value: string): boolean {
  return validate(value);
}
