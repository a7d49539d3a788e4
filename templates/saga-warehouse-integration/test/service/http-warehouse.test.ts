import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { HttpWarehouse } from '../../src/infrastructure/http-warehouse.ts';

/** A warehouse elsewhere that answers everything with this, and the addresses that it was asked for. */
async function elsewhere(
  status: number,
  body: string,
): Promise<
  { readonly url: string; readonly asked: readonly (string | undefined)[] } & AsyncDisposable
> {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const stockAt = (url: string): Promise<unknown> =>
  new HttpWarehouse('north', url).stock('sku-1').catch((error: unknown) => error);

test('a warehouse over HTTP is found also where its address ends in a slash', async () => {
  await using north = await elsewhere(200, '{"onHand":1,"reserved":0}');
  expect(await stockAt(`${north.url}/v2/`)).toEqual({ onHand: 1, reserved: 0 });
  expect(north.asked).toEqual(['/v2/stock/sku-1']);
});

test.each([
  [
    'that it cannot',
    503,
    '{"code":"DATABASE_UNAVAILABLE","detail":"Later."}',
    'REMOTE_UNAVAILABLE',
  ],
  ['a page of whatever stands before it', 502, '<h1>Bad Gateway</h1>', 'REMOTE_UNAVAILABLE'],
  ['that there is no such thing', 404, '{"code":"SKU_NOT_FOUND","detail":"No."}', 'SKU_NOT_FOUND'],
])('a warehouse over HTTP that answers %s', async (_what, status, body, code) => {
  await using north = await elsewhere(status, body);
  expect(await stockAt(north.url)).toMatchObject({ code });
});

test('a warehouse over HTTP that does not answer is an outage, and no defect', async () => {
  const { url } = await (async () => {
    await using gone = await elsewhere(200, '{}');
    return gone;
  })();
  expect(await stockAt(url)).toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
});
