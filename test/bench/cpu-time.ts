import { readdirSync, readFileSync } from 'node:fs';
import type { PostgresPool } from '../../runtime/src/postgres/connection/client.ts';

/** A tick of /proc: USER_HZ is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/**
 * Gives a clock of the CPU time, in milliseconds, that this process and the database server have used, children that
 * ended included. Unlike appends a second it hardly depends on what else the machine does. Always NaN where there is no /proc.
 */
export async function cpuClock(pool: PostgresPool): Promise<() => number> {
  const { rows } = await pool.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
  const postmaster = statOf(String(rows[0]?.pid))?.parent;
  return () => {
    const own = process.cpuUsage();
    return (own.user + own.system) / 1_000 + serverMs(postmaster);
  };
}

function serverMs(postmaster: string | undefined): number {
  if (postmaster === undefined) return Number.NaN;
  let ticks = 0;
  for (const pid of readdirSync('/proc')) {
    const stat = /^\d+$/.test(pid) ? statOf(pid) : undefined;
    if (stat === undefined) continue;
    if (pid === postmaster) ticks += stat.ticks + stat.ticksOfEnded;
    else if (stat.parent === postmaster) ticks += stat.ticks;
  }
  return ticks * MS_PER_TICK;
}

function statOf(
  pid: string,
): { readonly parent: string; readonly ticks: number; readonly ticksOfEnded: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It has just ended, or there is no /proc.
    return undefined;
  }
  // The name, in parentheses, may have spaces; what follows it has none.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const sum = (from: number): number => Number(fields[from]) + Number(fields[from + 1]);
  return { parent: fields[1] ?? '', ticks: sum(11), ticksOfEnded: sum(13) };
}
