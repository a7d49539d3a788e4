import { defineExample, type ExampleDefinition } from './example-definition.ts';

export const sagaWarehouseIntegration: ExampleDefinition = defineExample({
  name: 'saga-warehouse-integration',
  title: 'Warehouse saga',
  summary:
    'Orders reserved in several warehouses at once, all or nothing, by two-phase commit over two more databases and an HTTP service.',
  features: ['service', 'postgres', 'saga', 'payments', 'two-phase'],
  overrides: ['src/interfaces/effects-route.ts', 'test/support/database.ts'],
  data: {
    database: 'warehouse_orders',
    postgresPort: 15435,
    schema: ['sagas', 'idempotency', 'fences', 'two-phase-commit'],
  },
});
