import type { Diagram, DiagramBox } from './diagram.ts';

/** A box with its place, in pixels; `x` and `y` are its middle. */
export interface PlacedBox extends DiagramBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Where everything goes. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, PlacedBox>;
}

/** What a character of the font takes at most. */
const CHARACTER = 7.4;
const PADDING = 26;

/** Between columns. */
export const GAP = 56;

const ROW = 92;
const MARGIN = 24;

/**
 * Boxes in columns, by the longest way to them, and in rows, a new one for each further branch. Boxes come in the order in
 * which the definition names them, so a branch is whole before the next one begins: that is why a row below everything
 * drawn since the gate is free.
 */
export function layout({ boxes, edges }: Diagram): Layout {
  const columns = new Map<string, number>();
  const rows = new Map<string, number>();
  const order = new Map(boxes.map(({ id }, at) => [id, at]));
  const children = new Map<string, number>();
  for (const { id } of boxes) {
    const from = edges.filter(({ to }) => to === id).map((edge) => edge.from);
    columns.set(id, Math.max(-1, ...from.map((box) => columns.get(box) ?? 0)) + 1);
    const [gate] = from;
    if (gate === undefined) {
      rows.set(id, 0);
    } else if (from.length > 1) {
      rows.set(id, Math.min(...from.map((box) => rows.get(box) ?? 0)));
    } else {
      const before = children.get(gate) ?? 0;
      const since = boxes.slice((order.get(gate) ?? 0) + 1, order.get(id));
      const lowest = Math.max(...since.map((box) => rows.get(box.id) ?? 0));
      rows.set(id, before === 0 ? (rows.get(gate) ?? 0) : lowest + 1);
    }
    for (const box of from) children.set(box, (children.get(box) ?? 0) + 1);
  }
  const widths: number[] = [];
  for (const { id, label } of boxes) {
    const column = columns.get(id) ?? 0;
    widths[column] = Math.max(widths[column] ?? 0, label.length * CHARACTER + PADDING);
  }
  const lefts = widths.map(
    (_, column) => MARGIN + widths.slice(0, column).reduce((sum, width) => sum + width + GAP, 0),
  );
  const placed = boxes.map((box): PlacedBox => {
    const column = columns.get(box.id) ?? 0;
    const width = widths[column] ?? 0;
    return {
      ...box,
      x: (lefts[column] ?? 0) + width / 2,
      y: MARGIN + ROW / 2 + (rows.get(box.id) ?? 0) * ROW,
      width,
    };
  });
  return {
    width: Math.max(...placed.map(({ x, width }) => x + width / 2)) + MARGIN,
    height: Math.max(...placed.map(({ y }) => y)) + ROW / 2 + MARGIN,
    boxes: new Map(placed.map((box) => [box.id, box])),
  };
}
