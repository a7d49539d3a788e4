import { COLOURS } from './colours.ts';
import type { Diagram, DiagramBox } from './diagram.ts';
import { GAP, layout, type PlacedBox } from './layout.ts';
import { escapeMarkup } from './markup.ts';

const HEIGHT = 38;
const UNDO_OFFSET = 30;

/** What stands before the name in a box that is more than a step. */
const SIGNS: Readonly<Partial<Record<DiagramBox['shape'], string>>> = {
  choice: '◇ ',
  parallel: '∥ ',
  timer: '◷ ',
  signal: '✉ ',
  child: '⧉ ',
  'two-phase-commit': '⇉ ',
  pivot: '⚑ ',
};

/** A diagram as an image that needs nothing but itself. */
export function svg(diagram: Diagram): string {
  const { width, height, boxes } = layout(diagram);
  const ways = diagram.edges.map(({ from, to, label }) => {
    const [start, end] = [boxes.get(from), boxes.get(to)];
    return start && end ? way(start, end, label) : '';
  });
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  const title = diagram.boxes[0]?.label ?? 'saga';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img" font-family="ui-sans-serif, system-ui, sans-serif" font-size="13">
<title>${escapeMarkup(title)}</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#757575"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>
<g fill="none" stroke="#757575" stroke-width="1.3">
${ways.join('\n')}
</g>
${[...boxes.values()].map(box).join('\n')}
</svg>
`;
}

/** A curve just before its end, straight until then; one that passes over boxes of its own row keeps above them. */
function way(start: PlacedBox, end: PlacedBox, label: string | null): string {
  const x1 = start.x + start.width / 2;
  const x2 = end.x - end.width / 2;
  const middle = (x1 + x2) / 2;
  const turn = Math.max(x1, x2 - GAP);
  const passes = start.y === end.y && x2 - x1 > end.width;
  const bend = passes ? start.y - HEIGHT : null;
  const path =
    bend === null
      ? `M${x1} ${start.y}H${turn}C${x2 - GAP / 2} ${start.y} ${x2 - GAP / 2} ${end.y} ${x2} ${end.y}`
      : `M${x1} ${start.y}C${x1 + 30} ${bend} ${x1 + 40} ${bend} ${x1 + 60} ${bend}H${x2 - 60}C${x2 - 40} ${bend} ${x2 - 30} ${bend} ${x2} ${end.y}`;
  const name =
    label === null
      ? ''
      : `<text x="${bend === null ? x2 - 6 : middle}" y="${(bend ?? end.y) - 6}" text-anchor="${bend === null ? 'end' : 'middle'}" font-size="11" fill="#616161" stroke="none">${escapeMarkup(label)}</text>`;
  return `<path d="${path}" marker-end="url(#tip)"/>${name}`;
}

function box({ label, shape, mark, undo, x, y, width }: PlacedBox): string {
  const round = shape === 'end' || shape === 'timer' ? HEIGHT / 2 : shape === 'choice' ? 2 : 6;
  const body = frame(x, y, width, HEIGHT, round, mark, shape === 'child' || shape === 'pivot');
  const text = `${SIGNS[shape] ?? ''}${label}`;
  const undoing =
    undo === null
      ? ''
      : `<path d="M${x} ${y + HEIGHT / 2}V${y + UNDO_OFFSET - 8}" stroke="#9e9e9e" stroke-dasharray="3 3"/>${frame(x, y + UNDO_OFFSET, 46, 16, 8, undo, false)}${words(x, y + UNDO_OFFSET, 'undo', undo, 10)}`;
  return `<g><title>${escapeMarkup(`${label}: ${mark}`)}</title>${undoing}${body}${words(x, y, text, mark, 13)}</g>`;
}

function frame(
  x: number,
  y: number,
  width: number,
  height: number,
  round: number,
  mark: DiagramBox['mark'],
  isBold: boolean,
): string {
  const { fill, stroke } = COLOURS[mark];
  const dashes = mark === 'skipped' ? ' stroke-dasharray="4 3"' : '';
  return `<rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="${round}" fill="${fill}" stroke="${stroke}" stroke-width="${isBold ? 2.4 : 1.2}"${dashes}/>`;
}

function words(x: number, y: number, text: string, mark: DiagramBox['mark'], size: number): string {
  return `<text x="${x}" y="${y + size / 3}" text-anchor="middle" font-size="${size}" fill="${COLOURS[mark].text}">${escapeMarkup(text)}</text>`;
}
