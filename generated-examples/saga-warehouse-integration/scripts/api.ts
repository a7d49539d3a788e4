/** What came back. `Body` is what the caller expects it to be; nothing here checks it. */
export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** The service as its users see it: JSON over HTTP. */
export interface Api {
  get<Body = unknown>(path: string, headers?: Record<string, string>): Promise<Answer<Body>>;
  post<Body = unknown>(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>;
}

/** A client for the demo and the tests. */
export function createApi(baseUrl: string): Api {
  const send = async <Body>(path: string, request: RequestInit): Promise<Answer<Body>> => {
    const response = await fetch(new URL(path, baseUrl), request);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const body: unknown = isJson && text !== '' ? JSON.parse(text) : text;
    return { status: response.status, headers: response.headers, body: body as Body };
  };
  return {
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, body, headers = {}) =>
      body === undefined
        ? send(path, { method: 'POST', headers })
        : send(path, {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...headers },
            body: JSON.stringify(body),
          }),
  };
}
