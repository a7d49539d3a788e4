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
  // Services that take part in sagas.
  'inventory',
  'payments',
  // What sagas about orders have in common; orders as rows, where they are not an aggregate.
  'ordering',
  'order-table',
  'two-phase',
  'cli',
  'graphql',
] as const;

export type Feature = (typeof FEATURES)[number];
