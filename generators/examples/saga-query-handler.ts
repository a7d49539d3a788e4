import { defineExample, type ExampleDefinition } from './example-definition.ts';

export const sagaQueryHandler: ExampleDefinition = defineExample({
  name: 'saga-query-handler',
  title: 'Saga query handler',
  summary:
    'Lists, metrics and histories of many sagas from read models that follow them exactly once and are rebuilt unseen.',
  features: ['service', 'postgres', 'saga'],
  data: {
    database: 'sagas',
    postgresPort: 15436,
    schema: ['sagas', 'idempotency', 'fences', 'projections', 'saga-read-models'],
  },
});
