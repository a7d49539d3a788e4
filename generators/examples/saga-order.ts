import { defineExample, type ExampleDefinition } from './example-definition.ts';

export const sagaOrder: ExampleDefinition = defineExample({
  name: 'saga-order',
  title: 'Order saga',
  summary:
    'Orders that are reserved, paid and shipped completely, or undone completely, whatever crashes on the way.',
  features: ['service', 'postgres', 'event-sourced', 'saga', 'inventory', 'payments', 'ordering'],
  data: {
    database: 'orders',
    postgresPort: 15432,
    schema: ['event-store', 'sagas', 'idempotency', 'fences'],
  },
});
