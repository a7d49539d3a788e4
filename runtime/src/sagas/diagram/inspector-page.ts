import type { SagaEvent } from '../saga-event.ts';
import type { HistoryEntry } from '../saga-history.ts';
import type { SagaView } from '../saga-view.ts';
import { COLOURS } from './colours.ts';
import type { DiagramMark } from './diagram.ts';
import { escapeMarkup } from './markup.ts';

const STATUS_MARKS: Readonly<Record<SagaView['status'], DiagramMark>> = {
  pending: 'untouched',
  running: 'running',
  completed: 'done',
  compensating: 'undoing',
  compensated: 'undone',
  failed: 'stuck',
  abandoned: 'stuck',
};

const STYLE = `
  body { font: 15px/1.5 ui-sans-serif, system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #212121; }
  h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
  .status { border: 1px solid; border-radius: 1rem; padding: .1rem .7rem; font-size: .85rem; margin-left: .6rem; }
  .drawing { overflow-x: auto; border: 1px solid #e0e0e0; border-radius: .5rem; margin-top: 1rem; }
  table { border-collapse: collapse; width: 100%; font-size: .88rem; } td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #eee; vertical-align: top; }
  td.number { text-align: right; font-variant-numeric: tabular-nums; } pre { background: #f5f5f5; padding: .8rem; border-radius: .5rem; overflow-x: auto; font-size: .82rem; }
  .error { color: #b71c1c; } .muted { color: #757575; }`;

/** The page asks for itself again whenever the saga has something new, and stops when the saga does. */
const SCRIPT = `
  const events = new EventSource(document.body.dataset.events);
  const renew = async () => {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html');
    document.querySelector('main').replaceWith(page.querySelector('main'));
  };
  for (const type of document.body.dataset.types.split(' ')) events.addEventListener(type, renew);
  events.addEventListener('error', () => events.readyState === EventSource.CLOSED && renew());`;

/** Which events change what the page shows; of the others it need not hear. */
const SHOWN: Readonly<Record<SagaEvent['type'], boolean>> = {
  SagaStarted: false,
  AttemptStarted: true,
  AttemptCompleted: true,
  AttemptFailed: true,
  Decided: true,
  StepSkipped: true,
  StepOverridden: true,
  WaitStarted: true,
  WaitEnded: true,
  SignalReceived: false,
  CancelRequested: false,
  SagaPaused: true,
  SagaResumed: true,
  InputEdited: true,
  RewindStarted: true,
  Rewound: true,
  UndoRequested: false,
  MessageIgnored: false,
  CompensationStarted: true,
  SagaCompleted: true,
  SagaCompensated: true,
  SagaFailed: true,
  SagaAbandoned: true,
  LocksTaken: false,
  LocksAwaited: false,
  ParentTold: false,
  DefinitionMigrated: true,
};

const TYPES = Object.entries(SHOWN)
  .flatMap(([type, isShown]) => (isShown ? [type] : []))
  .join(' ');

/**
 * A page about one saga: its diagram, its story attempt by attempt, what it was started with and what came of it. One file
 * that loads nothing from anywhere; it follows the saga live.
 * @param options.drawing the saga's diagram as SVG.
 * @param options.eventsUrl where its events are served; empty: the page shows one moment.
 */
export function inspectorPage(
  view: SagaView,
  history: readonly HistoryEntry[],
  options: { readonly drawing: string; readonly eventsUrl: string },
): string {
  const { fill, stroke, text } = COLOURS[STATUS_MARKS[view.status]];
  const { error, sagaId, definition, definitionVersion } = view;
  const live = options.eventsUrl === '' ? '' : `<script>${SCRIPT}</script>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeMarkup(`${definition} ${sagaId}`)}</title><style>${STYLE}</style></head>
<body data-events="${escapeMarkup(options.eventsUrl)}" data-types="${TYPES}"><main>
<h1>${escapeMarkup(definition)} <span class="muted">v${definitionVersion}</span><span class="status" style="background:${fill};border-color:${stroke};color:${text}">${view.status}${view.paused ? ', paused' : ''}</span></h1>
<p class="muted">${escapeMarkup(sagaId)} · correlation ${escapeMarkup(view.correlationId)} · started ${view.startedAt.toISOString()}${view.finishedAt ? ` · finished ${view.finishedAt.toISOString()}` : ''}</p>
${error ? `<p class="error">${escapeMarkup(`${error.code}${error.step === null ? '' : ` at ${error.step}`}: ${error.message}`)}</p>` : ''}
<div class="drawing">${options.drawing}</div>
<h2>History</h2>
<table><thead><tr><th>Step</th><th>Status</th><th>Attempt</th><th>Started</th><th>ms</th><th>Error</th></tr></thead>
<tbody>${history.map(row).join('\n')}</tbody></table>
<h2>Input</h2><pre>${json(view.input)}</pre>
<h2>Results</h2><pre>${json(view.results)}</pre>
</main>${live}</body></html>
`;
}

function row({ step, status, attempt, startedAt, durationMs, error }: HistoryEntry): string {
  const told = error ? escapeMarkup(`${error.code}: ${error.message}`) : '';
  return `<tr><td>${escapeMarkup(step)}</td><td>${status}</td><td class="number">${attempt}</td><td>${startedAt.toISOString()}</td><td class="number">${durationMs ?? ''}</td><td>${told}</td></tr>`;
}

function json(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_key, member: unknown) => (typeof member === 'bigint' ? member.toString() : member),
    2,
  ) as string | undefined;
  return escapeMarkup(text ?? '');
}
