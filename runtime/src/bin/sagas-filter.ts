import { notOneOf } from '../foundation/nearest.ts';
import type { SagaFilter } from '../sagas/saga-directory.ts';
import type { SagaStatus } from '../sagas/saga-event.ts';
import { SAGA_STATUSES } from '../sagas/saga-status.ts';
import { UsageError } from './command-error.ts';

type Condition = (value: string) => SagaFilter;

const CONDITIONS: Readonly<Record<string, Condition>> = {
  status: (value) => ({ status: value.split(',').map(statusOf) }),
  paused: (value) => ({ paused: yesOrNo(value) }),
  definition: (definition) => ({ definition }),
  version: (value) => ({ definitionVersion: wholeNumber('version', value) }),
  step: (currentStep) => ({ currentStep }),
  correlation: (correlationId) => ({ correlationId }),
  from: (value) => ({ startedFrom: timeOf('from', value) }),
  before: (value) => ({ startedBefore: timeOf('before', value) }),
};

/** `--where status=failed --where definition=order-saga`: all of it has to hold. @throws UsageError */
export function filterOf(conditions: readonly string[]): SagaFilter {
  let filter: SagaFilter = {};
  for (const condition of conditions) {
    const at = condition.indexOf('=');
    const name = at < 0 ? condition : condition.slice(0, at);
    const make = CONDITIONS[name];
    if (make === undefined) throw new UsageError(notOneOf(name, Object.keys(CONDITIONS)));
    if (at < 0) throw new UsageError(`--where ${name} has no value: --where ${name}=….`);
    filter = { ...filter, ...make(condition.slice(at + 1)) };
  }
  return filter;
}

/** @throws UsageError */
export function wholeNumber(name: string, value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new UsageError(`${name} is '${value}'; it must be a whole number from 1.`);
}

function statusOf(value: string): SagaStatus {
  const status = SAGA_STATUSES.find((known) => known === value);
  if (status === undefined) throw new UsageError(notOneOf(value, SAGA_STATUSES));
  return status;
}

function yesOrNo(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new UsageError(`paused is '${value}'; it must be true or false.`);
}

function timeOf(name: string, value: string): Date {
  const time = new Date(value);
  if (!Number.isNaN(time.getTime()) && /^\d{4}-\d\d-\d\d/.test(value)) return time;
  throw new UsageError(`${name} is '${value}'; it must be a time: 2026-01-31T12:00:00Z.`);
}
