import { type Correlation, correlationReader } from './correlation.ts';

/**
 * The conversation the calling code belongs to, if any. For users; what the runtime itself makes takes a reader of its own,
 * so that a process with nobody to read it pays nothing for it.
 */
export const currentCorrelation: () => Correlation | undefined = correlationReader();
