/** A request of a `.http` file, with its variables still in it. */
export interface FileRequest {
  /** What the line before it says: also with which refusals it may be answered, as in `409 ACCOUNT_CLOSED`. */
  readonly comment: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** What editors read in `api.http`: `@name = value`, `### comment`, requests. Scripts and file references are not used there. */
export function readHttpFile(text: string): {
  readonly variables: ReadonlyMap<string, string>;
  readonly requests: readonly FileRequest[];
} {
  const variables = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(/^@(\w+) = (.*)$/gm)) {
    variables.set(name, value);
  }
  const requests = text.split(/^###/m).flatMap((block) => {
    const [comment = '', ...lines] = block.replaceAll(/^@.*$/gm, '').trim().split('\n');
    return lines.length === 0 ? [] : [requestOf(comment, lines.join('\n'))];
  });
  return { variables, requests };
}

function requestOf(comment: string, text: string): FileRequest {
  const [head = '', body] = text.trim().split(/\n\n(.*)/s);
  const [line = '', ...headerLines] = head.split('\n');
  const [, method, url] = /^([A-Z]+) (\S.*)$/.exec(line) ?? [];
  if (method === undefined || url === undefined) throw new Error(`Not a request: ${line}`);
  const headers = Object.fromEntries(
    headerLines.map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  return { comment, method, url, headers, body };
}
