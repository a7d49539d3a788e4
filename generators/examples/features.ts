/**
 * What examples have in common. Listing a feature applies `templates/_overlays/<feature>/` and makes `features.<feature>`
 * true in every template; all others are false. The overlay `base` is applied to every example.
 */
export const FEATURES = [
  'service',
  'postgres',
  'mongodb',
  'event-sourced',
  'saga',
  'inventory',
  'payments',
  'ordering',
  'order-table',
  'two-phase',
  'cli',
  'graphql',
] as const;

export type Feature = (typeof FEATURES)[number];
