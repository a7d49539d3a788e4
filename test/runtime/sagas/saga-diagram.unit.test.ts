import { Rejection } from 'potter-runtime/errors';
import { simpleRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, sagaDiagram, signal } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { diagramOf } from '../../../runtime/src/sagas/diagram/diagram.ts';
import { layout } from '../../../runtime/src/sagas/diagram/layout.ts';
import { SagaWorld } from './saga-world.ts';

const step = { execute: () => 1, compensate: () => {} };
const graph = saga<{ readonly refuse: boolean; readonly text: string }, InMemoryTransaction>(
  'graph',
)
  .parallel('checks', (p) =>
    p.step('credit', step).branch((b) => b.step('stock', step).step('label', step)),
  )
  .when(
    'is-large',
    () => false,
    (b) => b.step('verify', step),
  )
  .choose('speed', (c) =>
    c
      .when(
        'fast',
        () => true,
        (b) => b.step('by-air', step),
      )
      .otherwise((b) => b.step('by-sea', step)),
  )
  .sleep('rest', '1s')
  .pivot('capture', {
    execute: ({ input }) => {
      if (input.refuse) throw new Rejection('DECLINED', 'Not <script>alert(1)</script>.');
      return 1;
    },
  })
  .build();

/** How each box of a Mermaid diagram is marked, by what stands in it. */
function marksOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/ {2}(n\d+u?|finish)\S*"(.+?)"/g)].map(([, id = '', label = '']) => [
      label,
      new RegExp(`class ${id} (\\w+)`).exec(text)?.[1] ?? '',
    ]),
  );
}

describe('a diagram', () => {
  test('has a box for every node, and every box a way in and a way out', () => {
    const { boxes, edges } = diagramOf(graph);
    expect(boxes.map(({ label }) => label).slice(1, -1)).toEqual([...graph.nodes.keys()]);
    for (const { id } of boxes) {
      expect(edges.some(({ to }) => to === id)).toBe(id !== 'start');
      expect(edges.some(({ from }) => from === id)).toBe(id !== 'finish');
    }
    expect(edges.filter(({ label }) => label !== null).map(({ label }) => label)).toEqual([
      'is-large',
      'otherwise',
      'fast',
      'otherwise',
    ]);
  });

  test('is laid out without two boxes in one place, from left to right', () => {
    const diagram = diagramOf(graph);
    const { boxes, width, height } = layout(diagram);
    const placed = [...boxes.values()];
    expect(new Set(placed.map(({ x, y }) => `${x} ${y}`)).size).toBe(placed.length);
    for (const { x, y, width: own } of placed) {
      expect(x - own / 2).toBeGreaterThan(0);
      expect(x + own / 2).toBeLessThan(width);
      expect(y).toBeLessThan(height);
    }
    for (const { from, to } of diagram.edges) {
      expect(boxes.get(from)?.x).toBeLessThan(boxes.get(to)?.x ?? 0);
    }
  });

  test('of a saga under way marks what runs, was tried again, came too late, is undone and gave up', async () => {
    const world = new SagaWorld();
    let isBroken = true;
    const live = saga<{ readonly cents: bigint }, InMemoryTransaction>('live')
      .step('kept', {
        execute: () => 1,
        compensate: () => {
          if (isBroken) throw new Rejection('NO', 'Not yet: <i>.');
        },
      })
      .step('flaky', {
        execute: ({ attempt }) => {
          if (attempt === 1) throw new Error('once');
        },
        retry: simpleRetry({ delay: '1m' }),
      })
      .waitFor('approved', signal('approval', String), { timeout: '1h' })
      .build();
    const engine = await world.engine([live]);
    const { sagaId } = await engine.start(live, { cents: 7n });
    const marks = async (): Promise<Readonly<Record<string, string>>> =>
      marksOf(await engine.diagram(sagaId));
    await world.clock.advance('1s');
    expect(await marks()).toMatchObject({ kept: 'done', flaky: 'running', approved: 'untouched' });
    await world.clock.advance('2m');
    expect(await marks()).toMatchObject({ 'flaky ×2': 'done', approved: 'running' });
    await world.clock.advance('2h');
    expect(await marks()).toMatchObject({
      kept: 'stuck',
      approved: 'failed',
      'undo kept': 'stuck',
    });
    const page = await engine.diagram(sagaId, { format: 'html' });
    expect(page).toContain('&quot;cents&quot;: &quot;7&quot;');
    expect(page).not.toContain('<i>');
    isBroken = false;
    await engine.resume(sagaId);
    await world.clock.advance('1s');
    const text = await engine.diagram(sagaId);
    expect(marksOf(text)).toMatchObject({
      kept: 'undone',
      'undo kept': 'undone',
      compensated: 'undone',
    });
    // Its undo hangs below the step, and only what can be undone has one.
    expect(text).toMatch(/n\d+ -\.-> n\d+u/);
    expect(text).not.toContain('undo flaky');
  });

  test('as a page listens for every event that changes what it shows', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([graph]);
    const { sagaId } = await engine.start(graph, { refuse: true, text: '' });
    const page = await engine.diagram(sagaId, { format: 'html', eventsUrl: 'events' });
    const types = /data-types="([^"]*)"/.exec(page)?.[1]?.split(' ');
    const shown =
      'AttemptStarted AttemptCompleted AttemptFailed WaitStarted WaitEnded Decided StepSkipped StepOverridden InputEdited ' +
      'SagaPaused SagaResumed CompensationStarted SagaCompleted SagaCompensated SagaFailed SagaAbandoned';
    expect(types).toEqual(expect.arrayContaining(shown.split(' ')));
  });

  test('of a saga marks what was done, undone, skipped and refused, in every format', async () => {
    const world = new SagaWorld();
    const engine = await world.engine([graph]);
    const { sagaId } = await engine.start(graph, { refuse: true, text: '</pre><b>&' });
    await world.clock.advance('5s');
    const text = await engine.diagram(sagaId);
    expect(text).toContain('-->|"fast"|');
    expect(marksOf(text)).toMatchObject({
      checks: 'done',
      credit: 'undone',
      label: 'undone',
      'is-large': 'done',
      verify: 'skipped',
      'by-air': 'undone',
      'by-sea': 'skipped',
      rest: 'done',
      capture: 'failed',
    });
    const svg = await engine.diagram(sagaId, { format: 'svg' });
    expect(svg).toMatch(/^<svg [^>]*viewBox/);
    expect(svg).toContain('credit: undone');
    const html = await engine.diagram(sagaId, { format: 'html', eventsUrl: 'events' });
    expect(html).toContain('data-events="events"');
    expect(html).toContain('DECLINED');
    // What users wrote stays text, and nothing is loaded from anywhere.
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('</pre><b>');
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|src=|@import/);
  });

  test('is the same text for the same definition', () => {
    expect(sagaDiagram(graph, { format: 'svg' })).toBe(sagaDiagram(graph, { format: 'svg' }));
  });
});
