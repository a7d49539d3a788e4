import { defineExample, type ExampleDefinition } from './example-definition.ts';

export const sagaParallel: ExampleDefinition = defineExample({
  name: 'saga-parallel',
  title: 'Parallel saga',
  summary:
    'Orders that three services decide on at the same time: as fast as the slowest, and undone completely when one says no.',
  features: ['service', 'postgres', 'saga', 'inventory', 'ordering', 'order-table'],
  data: {
    database: 'orders',
    postgresPort: 15433,
    schema: ['sagas', 'idempotency', 'fences'],
  },
});
