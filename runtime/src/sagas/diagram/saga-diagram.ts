import type { SagaState } from '../machine/saga-state.ts';
import type { HistoryEntry } from '../saga-history.ts';
import { viewOf } from '../saga-view.ts';
import { type Drawable, diagramOf } from './diagram.ts';
import { inspectorPage } from './inspector-page.ts';
import { mermaid } from './mermaid.ts';
import { svg } from './svg.ts';

/** How a saga is drawn. */
export interface DiagramOptions {
  /**
   * `mermaid` (default): text for documents that render it. `svg`: an image. `html`: a page with the image, the history,
   * input and results, which loads nothing from anywhere.
   */
  readonly format?: 'mermaid' | 'svg' | 'html';
  /** With `html`: where the saga's events are served, so that the page follows it live. Default: the page shows one moment. */
  readonly eventsUrl?: string;
}

/** A definition drawn. For one saga, with its path marked: `engine.diagram(sagaId)`. */
export function sagaDiagram(
  definition: Drawable,
  options: { readonly format?: 'mermaid' | 'svg' } = {},
): string {
  const diagram = diagramOf(definition);
  return options.format === 'svg' ? svg(diagram) : mermaid(diagram);
}

/** One saga drawn, in any form. */
export function drawSaga(
  definition: Drawable,
  saga: { readonly sagaId: string; readonly state: SagaState },
  history: readonly HistoryEntry[],
  { format = 'mermaid', eventsUrl = '' }: DiagramOptions,
): string {
  const diagram = diagramOf(definition, saga.state);
  switch (format) {
    case 'mermaid':
      return mermaid(diagram);
    case 'svg':
      return svg(diagram);
    case 'html':
      return inspectorPage(viewOf(saga.sagaId, saga.state), history, {
        drawing: svg(diagram),
        eventsUrl,
      });
  }
}
