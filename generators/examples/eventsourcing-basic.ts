import { defineExample, type ExampleDefinition } from './example-definition.ts';

export const eventsourcingBasic: ExampleDefinition = defineExample({
  name: 'eventsourcing-basic',
  title: 'Bank account',
  summary:
    'Bank accounts kept as events: rules as plain functions, optimistic concurrency, every past state.',
  features: ['service', 'postgres', 'event-sourced'],
  data: {
    database: 'bank',
    postgresPort: 15431,
    schema: ['event-store', 'idempotency'],
  },
});
