import type { SagaListing } from '../sagas/saga-directory.ts';
import type { JournalEntry } from '../sagas/saga-event.ts';
import type { HistoryEntry } from '../sagas/saga-history.ts';
import type { SagaView } from '../sagas/saga-view.ts';

/** Sagas as lines, for people. */
export function listText(sagas: readonly SagaListing[]): string {
  if (sagas.length === 0) return 'no sagas';
  return table([
    ['SAGA', 'DEFINITION', 'STATUS', 'STEP', 'STARTED', 'ERROR'],
    ...sagas.map((saga) => [
      saga.sagaId,
      `${saga.definition} v${saga.definitionVersion}`,
      saga.paused ? `${saga.status}, paused` : saga.status,
      saga.currentStep ?? '-',
      saga.startedAt.toISOString(),
      saga.error === null ? '-' : saga.error.code,
    ]),
  ]);
}

/** A saga, field by field. */
export function viewText(saga: SagaView): string {
  return table([
    ['saga', saga.sagaId],
    ['definition', `${saga.definition} v${saga.definitionVersion}`],
    ['status', saga.paused ? `${saga.status}, paused` : saga.status],
    ['step', saga.currentStep ?? '-'],
    ['correlation', saga.correlationId],
    ['lock', lockText(saga.lock)],
    ['started', saga.startedAt.toISOString()],
    ['updated', saga.updatedAt.toISOString()],
    ['finished', saga.finishedAt?.toISOString() ?? '-'],
    ['error', errorText(saga.error)],
    ...(saga.remaining ? [['not undone', saga.remaining.join(', ')]] : []),
    ['input', plainText(saga.input)],
    ['results', plainText(saga.results)],
  ]);
}

/** Attempts as lines. */
export function historyText(history: readonly HistoryEntry[]): string {
  return table([
    ['STARTED', 'STEP', 'KIND', 'ATTEMPT', 'STATUS', 'MS', 'ERROR'],
    ...history.map((entry) => [
      entry.startedAt.toISOString(),
      entry.step,
      entry.kind,
      String(entry.attempt),
      entry.status,
      String(entry.durationMs ?? '-'),
      errorText(entry.error),
    ]),
  ]);
}

/** Everything that happened, line by line: also what people asked for, and why. */
export function journalText(journal: readonly JournalEntry[]): string {
  return table([
    ['SEQ', 'AT', 'EVENT', 'STEP', 'BY', 'REASON'],
    ...journal.map(({ seq, event }) => [
      seq.toString(),
      event.at.toISOString(),
      event.type,
      'path' in event ? event.path : '-',
      ('by' in event ? event.by : undefined) ?? '-',
      ('reason' in event ? event.reason : undefined) ?? '-',
    ]),
  ]);
}

/** Any value of the runtime as JSON: bigints as text. */
export function plainText(value: unknown, indent?: number): string {
  const text = JSON.stringify(
    value,
    (_key, member: unknown) => (typeof member === 'bigint' ? member.toString() : member),
    indent,
  ) as string | undefined;
  return text ?? 'null';
}

/** `waits for order:a (2 before it; order-17 has it)`; keys that others have first. */
function lockText(lock: SagaView['lock']): string {
  if (lock === null) return '-';
  const { state, keys, waitsFor = [] } = lock;
  if (state === 'held') return `holds ${keys.join(', ')}`;
  const places = waitsFor.map(
    ({ key, holder, ahead }) => `${key} (${ahead} before it; ${holder} has it)`,
  );
  return `waits for ${(places.length > 0 ? places : keys).join(', ')}`;
}

function errorText(error: { readonly code: string; readonly message: string } | null): string {
  return error === null ? '-' : `${error.code}: ${error.message.replace(/\s*\n\s*/g, ' ')}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
