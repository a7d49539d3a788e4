import { v7, validate } from 'uuid';

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

/** Whether a string is a UUID of any version, in its text form. */
export function isUuid(value: string): boolean {
  return validate(value);
}
