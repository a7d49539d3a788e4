import { handlerOf } from './nodes/handlers.ts';
import type { DiagramExit, DiagramPen, DiagramShape } from './nodes/node-handler.ts';
import type { SagaDefinition } from './definition/saga-definition.ts';
import { decisionAt, type SagaState, stepAt, waitAt } from './machine/saga-state.ts';
import { isFinished } from './saga-status.ts';

/** How a box is marked. */
type Mark = 'untouched' | 'running' | 'done' | 'failed' | 'undoing' | 'undone' | 'stuck';

const STYLES: Readonly<Record<Mark, string>> = {
  untouched: 'fill:#f5f5f5,stroke:#9e9e9e,color:#616161',
  running: 'fill:#e3f2fd,stroke:#1565c0,color:#0d47a1',
  done: 'fill:#e8f5e9,stroke:#2e7d32,color:#1b5e20',
  failed: 'fill:#ffebee,stroke:#c62828,color:#b71c1c',
  undoing: 'fill:#fff8e1,stroke:#f9a825,color:#e65100',
  undone: 'fill:#ede7f6,stroke:#5e35b1,color:#4527a0',
  stuck: 'fill:#b71c1c,stroke:#b71c1c,color:#ffffff',
};

function markOf(state: SagaState | undefined, path: string, shape: DiagramShape): Mark {
  if (!state) return 'untouched';
  const step = stepAt(state, path);
  switch (step?.compensate?.status) {
    case 'done':
      return 'undone';
    case 'exhausted':
      return 'stuck';
    case 'running':
    case 'waiting':
      return 'undoing';
    case undefined:
  }
  const wait = waitAt(state, path, 'forward');
  if (wait)
    return wait.ended === null ? 'running' : wait.ended.outcome === 'timed-out' ? 'failed' : 'done';
  switch (step?.forward?.status) {
    case 'done':
      return 'done';
    case 'exhausted':
      return 'failed';
    case 'running':
    case 'waiting':
      return 'running';
    case undefined:
      return shape === 'already-done' || decisionAt(state, path) ? 'done' : 'untouched';
  }
}

/** The two ends of a box, by what it stands for. */
const FRAMES: Readonly<Partial<Record<DiagramShape, readonly [string, string]>>> = {
  choice: ['{"', '"}'],
  parallel: ['[/"', '"/]'],
  timer: ['(["', '"])'],
  signal: ['>"', '"]'],
  child: ['[["', '"]]'],
  pivot: ['{{"', '"}}'],
};
const FRAME = ['["', '"]'] as const;

/**
 * A definition as a Mermaid flowchart; with a saga's state, each step is marked with where it stands. What is undone
 * hangs below its step by a dotted line.
 */
export function sagaDiagram(definition: SagaDefinition, state?: SagaState): string {
  const lines: string[] = [
    'flowchart LR',
    `  start(["${definition.name} v${definition.version}"])`,
  ];
  const edges: string[] = [];
  const marks: string[] = [];
  const ids = new Map<string, string>([['start', 'start']]);
  const join = (from: readonly DiagramExit[], to: string): void => {
    for (const { from: box, label } of from) {
      edges.push(`  ${ids.get(box)} -->${label === undefined ? '' : `|"${label}"|`} ${to}`);
    }
  };
  const pen: DiagramPen = {
    box: (path, shape, from, { undo = false } = {}) => {
      const id = `n${ids.size}`;
      ids.set(path, id);
      const step = state && stepAt(state, path);
      const attempts = step?.forward && step.forward.attempt > 1 ? ` ×${step.forward.attempt}` : '';
      const [open, close] = FRAMES[shape] ?? FRAME;
      lines.push(`  ${id}${open}${path}${attempts}${close}`);
      join(from, id);
      const mark = markOf(state, path, shape);
      marks.push(`  class ${id} ${mark}`);
      if (!undo) return;
      lines.push(`  ${id}u>"undo ${path}"]`);
      edges.push(`  ${id} -.-> ${id}u`);
      const active = mark === 'undone' || mark === 'undoing' || mark === 'stuck';
      marks.push(`  class ${id}u ${active ? mark : 'untouched'}`);
    },
    draw: (node, from) => handlerOf(node).draw(node, pen, from),
  };
  const last = pen.draw(definition.root, [{ from: 'start' }]);
  const over = state && isFinished(state.status);
  lines.push(`  finish(["${over ? state.status : 'completed'}"])`);
  join(last, 'finish');
  const styles = Object.entries(STYLES).map(([mark, style]) => `  classDef ${mark} ${style}`);
  return `${[...lines, ...edges, ...styles, ...marks].join('\n')}\n`;
}
