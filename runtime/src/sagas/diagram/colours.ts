import type { DiagramMark } from './diagram.ts';

/** How a mark looks, in every kind of drawing. The three are far enough apart to be read without seeing colours. */
export interface Colours {
  readonly fill: string;
  readonly stroke: string;
  readonly text: string;
}

export const COLOURS: Readonly<Record<DiagramMark, Colours>> = {
  untouched: { fill: '#f5f5f5', stroke: '#9e9e9e', text: '#616161' },
  running: { fill: '#e3f2fd', stroke: '#1565c0', text: '#0d47a1' },
  done: { fill: '#e8f5e9', stroke: '#2e7d32', text: '#1b5e20' },
  skipped: { fill: '#fafafa', stroke: '#bdbdbd', text: '#9e9e9e' },
  failed: { fill: '#ffebee', stroke: '#c62828', text: '#b71c1c' },
  undoing: { fill: '#fff8e1', stroke: '#f9a825', text: '#e65100' },
  undone: { fill: '#ede7f6', stroke: '#5e35b1', text: '#4527a0' },
  stuck: { fill: '#b71c1c', stroke: '#b71c1c', text: '#ffffff' },
};
