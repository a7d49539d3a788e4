import { defineExample, type ExampleDefinition } from './example-definition.ts';

export const sagaConditional: ExampleDefinition = defineExample({
  name: 'saga-conditional',
  title: 'Conditional saga',
  summary:
    'Orders that take only the steps they need: decided once, remembered over a crash, and what was skipped is never undone.',
  features: ['service', 'postgres', 'saga', 'ordering', 'order-table'],
  data: {
    database: 'orders',
    postgresPort: 15434,
    schema: ['sagas', 'idempotency', 'fences'],
  },
});
