import { type Api, createApi } from './api.ts';

/** Plays a story against the service at URL, or on PORT of this machine. Starts nothing. */
export async function play(story: (api: Api) => Promise<void>): Promise<void> {
  const url = process.env['URL'] ?? `http://127.0.0.1:${process.env['PORT'] ?? 8080}`;
  const api = createApi(url);
  try {
    await api.get('/health');
  } catch {
    console.error(`No service answers at ${url}. Start one with \`npm run dev\`, or set URL.`);
    process.exit(1);
  }
  await story(api);
}

/** What a reader should look at, with what it means. */
export function say(what: string, detail = ''): void {
  console.log(`${`  ${what}`.padEnd(46)} ${detail}`.trimEnd());
}

/** A heading. */
export function chapter(title: string): void {
  console.log(`\n${title}`);
}

/** Cents as people write them. */
export function money(cents: number): string {
  return (cents / 100).toFixed(2);
}
