import { eventsourcingBasic } from './eventsourcing-basic.ts';
import type { ExampleDefinition } from './example-definition.ts';
import { sagaConditional } from './saga-conditional.ts';
import { sagaOrder } from './saga-order.ts';
import { sagaParallel } from './saga-parallel.ts';
import { sagaQueryHandler } from './saga-query-handler.ts';
import { sagaWarehouseIntegration } from './saga-warehouse-integration.ts';

/** Every example a user can create, in the order in which `--list` shows them. An example without templates must not be here. */
export const EXAMPLES: readonly ExampleDefinition[] = [
  eventsourcingBasic,
  sagaOrder,
  sagaParallel,
  sagaConditional,
  sagaQueryHandler,
  sagaWarehouseIntegration,
];
