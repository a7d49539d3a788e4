import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, Api } from '../../scripts/api.ts';

const ATTEMPTS = 10;

/**
 * A client that comes back when it is asked to, with `Retry-After`: many first connections at once can take a busy machine
 * longer than a request waits for one (503), and so can an earlier request with the same key (409). What may be sent twice is
 * sent again: a GET, and a POST with its key.
 */
export function patient(api: Api): Api {
  return {
    get: <Body>(...request: Parameters<Api['get']>) => again(() => api.get<Body>(...request)),
    post: <Body>(...request: Parameters<Api['post']>) => {
      const [, , headers = {}] = request;
      const send = (): Promise<Answer<Body>> => api.post<Body>(...request);
      return headers['idempotency-key'] === undefined ? send() : again(send);
    },
  };
}

async function again<Body>(send: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send();
    const seconds = Number(answer.headers.get('retry-after') ?? 0);
    if (seconds === 0 || attempt === ATTEMPTS) return answer;
    await delay(seconds * 1_000);
  }
}
