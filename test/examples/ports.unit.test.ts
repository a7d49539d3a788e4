import { expect, test } from 'vitest';
import { EXAMPLES } from '../../generators/examples/registry.ts';
import type { ExampleDefinition } from '../../generators/examples/example-definition.ts';

test('no two examples have a port of compose.yaml in common, nor one that a connection may hold: they run side by side', () => {
  const examples: readonly ExampleDefinition[] = EXAMPLES;
  const ports = examples.flatMap(({ data = {} }) =>
    Object.entries(data).flatMap(([name, value]) => (/port$/i.test(name) ? [value] : [])),
  );
  expect(ports.length).toBeGreaterThanOrEqual(examples.length / 2);
  // Below what Linux (32768), macOS and Windows (49152) hand out by themselves to whoever asks for any port.
  for (const port of ports) expect(port).toBeLessThan(32_768);
  expect(new Set(ports).size).toBe(ports.length);
});
