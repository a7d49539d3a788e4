import { PotterError } from '../../errors/potter-error.ts';
import { jsonCodec } from '../../foundation/json.ts';

/**
 * Turns payloads into what is stored, and back: encryption, most often. Both ways at once, and for ever: what was stored years
 * ago has to be readable, so that a codec with several keys names in its text which one it used.
 */
export interface PayloadCodec {
  encode(text: string): string;
  /** @throws anything when the text cannot be read: the saga then stays where it is. */
  decode(text: string): string;
}

const MARK = '$sealed';

/** A value as it is stored. */
export function sealValue(value: unknown, codec: PayloadCodec): unknown {
  return value === undefined ? undefined : { [MARK]: codec.encode(jsonCodec.encode(value)) };
}

/** A value as it was; what was stored before there was a codec is taken as it is. */
export function openValue(value: unknown, codec: PayloadCodec): unknown {
  if (typeof value !== 'object' || value === null || !(MARK in value)) return value;
  const sealed = value[MARK];
  return typeof sealed === 'string' ? jsonCodec.decode(opened(sealed, codec)) : value;
}

/** Text as it is stored. */
export function sealText(text: string, codec: PayloadCodec): string {
  return `${MARK}:${codec.encode(text)}`;
}

/** Text as it was. */
export function openText(text: string, codec: PayloadCodec): string {
  return text.startsWith(`${MARK}:`) ? opened(text.slice(MARK.length + 1), codec) : text;
}

function opened(sealed: string, codec: PayloadCodec): string {
  try {
    return codec.decode(sealed);
  } catch (cause) {
    throw new PotterError('SERIALIZATION_FAILED', {
      message: 'A stored payload cannot be opened.',
      remedy: 'Give the payload codec the key that this payload was sealed with.',
      cause,
    });
  }
}
