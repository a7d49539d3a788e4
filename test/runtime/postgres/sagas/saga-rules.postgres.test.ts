import { afterAll } from 'vitest';
import { tryRulesOn } from '../../sagas/saga-world.ts';
import { postgresBackEnd } from './rules/postgres-back-end.ts';

const backEnd = await postgresBackEnd();
afterAll(() => backEnd.close());
tryRulesOn(backEnd);
await import('../../sagas/rules/all-rules.ts');
