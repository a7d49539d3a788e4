/** The allowed word that is most like what was typed; undefined when none is at all like it. */
export function nearest(typed: string, allowed: readonly string[]): string | undefined {
  const ranked = allowed
    .map((word) => ({ word, distance: editDistance(typed.toLowerCase(), word) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (best === undefined) return undefined;
  return best.distance <= Math.max(2, Math.ceil(best.word.length / 3)) ? best.word : undefined;
}

/** `'evnt-store' is not one of event-store, sagas. Did you mean 'event-store'?` */
export function notOneOf(typed: string, allowed: readonly string[]): string {
  const best = nearest(typed, allowed);
  const hint = best === undefined ? '' : ` Did you mean '${best}'?`;
  return `'${typed}' is not one of ${allowed.join(', ')}.${hint}`;
}

/** Insertions, deletions and replacements that make one word of the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, letter] of from.split('').entries()) {
    const current = [row + 1];
    for (const [column, other] of to.split('').entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
