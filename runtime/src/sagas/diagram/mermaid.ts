import { COLOURS } from './colours.ts';
import type { Diagram, DiagramBox } from './diagram.ts';

/** The two ends of a box, by what it stands for. */
const FRAMES: Readonly<Record<DiagramBox['shape'], readonly [string, string]>> = {
  sequence: ['["', '"]'],
  step: ['["', '"]'],
  'transactional-step': ['["', '"]'],
  'already-done': ['["', '"]'],
  end: ['(["', '"])'],
  choice: ['{"', '"}'],
  parallel: ['[/"', '"/]'],
  timer: ['(["', '"])'],
  signal: ['>"', '"]'],
  child: ['[["', '"]]'],
  'two-phase-commit': ['[("', '")]'],
  pivot: ['{{"', '"}}'],
};

/** A diagram as a Mermaid flowchart. What is undone hangs below its step by a dotted line. */
export function mermaid({ boxes, edges }: Diagram): string {
  const lines: string[] = ['flowchart LR'];
  const undos: string[] = [];
  const marks: string[] = [];
  for (const { id, label, shape, mark, undo } of boxes) {
    const [open, close] = FRAMES[shape];
    lines.push(`  ${id}${open}${label}${close}`);
    marks.push(`  class ${id} ${mark}`);
    if (undo === null) continue;
    lines.push(`  ${id}u>"undo ${label}"]`);
    undos.push(`  ${id} -.-> ${id}u`);
    marks.push(`  class ${id}u ${undo}`);
  }
  const ways = edges.map(
    ({ from, to, label }) => `  ${from} -->${label === null ? '' : `|"${label}"|`} ${to}`,
  );
  const styles = Object.entries(COLOURS).map(
    ([mark, { fill, stroke, text }]) =>
      `  classDef ${mark} fill:${fill},stroke:${stroke},color:${text}`,
  );
  return `${[...lines, ...ways, ...undos, ...styles, ...marks].join('\n')}\n`;
}
