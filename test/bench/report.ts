import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../bench-results');

/** One line of a bench: what was measured, under which conditions, and how it compares within the same run. */
export interface BenchRow {
  readonly [column: string]: string | number;
}

/**
 * Prints a table and writes `bench-results/<name>.json`, with the machine it was measured on.
 * Only ratios inside one run compare: write them as columns.
 */
export function report(name: string, title: string, rows: readonly BenchRow[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => show(row[column])));
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...cells.map((line) => line[i]?.length ?? 0)),
  );
  const line = (values: readonly string[]): string =>
    values
      .map((value, i) => value.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  console.log(`\n${title}\n${line(columns)}\n${line(widths.map((width) => '-'.repeat(width)))}`);
  for (const values of cells) console.log(line(values));

  mkdirSync(folder, { recursive: true });
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    kernel: release(),
  };
  const file = join(folder, `${name}.json`);
  writeFileSync(
    file,
    `${JSON.stringify({ name, title, at: new Date(), machine, rows }, null, 2)}\n`,
  );
}

function show(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return Number.isInteger(value) || Math.abs(value) >= 1_000
    ? Math.round(value).toLocaleString('en')
    : value.toPrecision(3);
}

/** The value below which the given share (0–1) of the samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Runs `work` over and over, `concurrency` at a time, for `durationMs`; gives back operations a second and latencies. */
export async function throughput(
  concurrency: number,
  durationMs: number,
  work: (n: number) => Promise<unknown>,
): Promise<{ readonly perSecond: number; readonly latenciesMs: readonly number[] }> {
  const latenciesMs: number[] = [];
  const started = performance.now();
  let next = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() - started < durationMs) {
      const from = performance.now();
      await work(next++);
      latenciesMs.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return { perSecond: latenciesMs.length / ((performance.now() - started) / 1_000), latenciesMs };
}
