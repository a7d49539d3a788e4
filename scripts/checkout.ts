import { fileURLToPath } from 'node:url';

/** The root of this checkout, absolute. */
export const CHECKOUT: string = fileURLToPath(new URL('..', import.meta.url));
