import { v5, v7, validate } from 'uuid';

/** Random bytes are fetched for many ids at once: one call for each costs more than the rest of an id. */
const BYTES_PER_ID = 16;
const random = new Uint8Array(BYTES_PER_ID * 256);
let used = random.length;

/** The time of the last id, and its number within that time: what keeps ids of one millisecond in order. */
let lastMs = 0;
let sequence = 0;

/** A new UUIDv7 (RFC 9562): ids made later in one process sort later. */
export function newId(): string {
  if (used === random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  const bytes = random.subarray(used, used + BYTES_PER_ID);
  used += BYTES_PER_ID;
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // The upper half stays free to count in.
    sequence = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) >>> 1;
  } else {
    sequence = (sequence + 1) >>> 0;
    if (sequence === 0) lastMs += 1;
  }
  return v7({ random: bytes, msecs: lastMs, seq: sequence });
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
