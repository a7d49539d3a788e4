import { type Answer, type Api, createApi } from './api.ts';

interface Problem {
  readonly code: string;
  readonly detail: string;
}

/**
 * Plays a story against the service at URL, or on PORT of this machine. Starts nothing. Ends with one line and exit code 1
 * when nobody answers there, or an answer is not what the story tells.
 * @param story its first client takes nothing but success; the second one is for {@link refusal}.
 */
export async function play(story: (api: Api, any: Api) => Promise<void>): Promise<void> {
  const url = process.env['URL'] ?? `http://127.0.0.1:${process.env['PORT'] ?? 8080}`;
  const any = createApi(url);
  try {
    await any.get('/health');
  } catch {
    console.error(`No service answers at ${url}. Start one with \`npm run dev\`, or set URL.`);
    process.exit(1);
  }
  try {
    await story(successful(any), any);
  } catch (error) {
    console.error(
      `\nThe story ends here: ${error instanceof Error ? error.message : String(error)}`,
    );
    process.exit(1);
  }
}

function successful(api: Api): Api {
  const check = <Body>(what: string, answer: Answer<Body>): Answer<Body> => {
    if (answer.status < 400) return answer;
    throw new Error(`${what} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  };
  return {
    get: async <Body>(...[path, headers]: Parameters<Api['get']>) =>
      check(`GET ${path}`, await api.get<Body>(path, headers)),
    post: async <Body>(...[path, body, headers]: Parameters<Api['post']>) =>
      check(`POST ${path}`, await api.post<Body>(path, body, headers)),
  };
}

/** An answer that has to be this refusal, in words. */
export function refusal({ status, body }: Answer<unknown>, code: string): string {
  const problem = body as Problem;
  if (status >= 400 && problem.code === code) return `${status} ${code}`;
  throw new Error(`expected ${code}, got ${status}: ${JSON.stringify(body)}`);
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
