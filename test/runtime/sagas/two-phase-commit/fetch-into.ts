import type { HttpService } from 'potter-runtime/http';

/** A `fetch` that reaches an application without a network. */
export function fetchInto(app: HttpService['app']): typeof fetch {
  return async (input, init) => {
    init?.signal?.throwIfAborted();
    const url = new URL(input instanceof Request ? input.url : input);
    const response = await app.inject({
      method: init?.method === 'POST' ? 'POST' : 'GET',
      url: `${url.pathname}${url.search}`,
      headers: Object.fromEntries(new Headers(init?.headers)),
      ...(typeof init?.body === 'string' && { payload: init.body }),
    });
    return new Response(response.payload, { status: response.statusCode });
  };
}
