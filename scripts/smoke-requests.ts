/** One request that means something to an example, sent to the service that `npm run verify` has just started. */
export interface SmokeRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly status: number;
}

/** By example. An example without one cannot be verified, so that none is forgotten. */
export const SMOKE_REQUESTS: Readonly<Record<string, readonly SmokeRequest[]>> = {
  'eventsourcing-basic': [
    {
      method: 'POST',
      path: '/api/v1/accounts',
      body: { accountNumber: 'VERIFY-1', ownerName: 'Ada' },
      status: 201,
    },
    { method: 'GET', path: '/api/v1/accounts/VERIFY-1', status: 200 },
  ],
  'saga-order': [
    {
      method: 'POST',
      path: '/api/v1/orders',
      body: {
        customerId: 'customer-1',
        items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
      },
      status: 202,
    },
    { method: 'GET', path: '/api/v1/inventory/product-1', status: 200 },
  ],
  'saga-query-handler': [
    {
      method: 'POST',
      path: '/api/v1/sagas',
      body: { definition: 'simple-saga', context: { customer: 'verify' } },
      status: 202,
    },
    { method: 'GET', path: '/api/v1/sagas/metrics', status: 200 },
    { method: 'POST', path: '/api/v1/projections/saga-read-model/rebuild', status: 202 },
  ],
  'saga-parallel': [
    {
      method: 'POST',
      path: '/api/v1/orders',
      body: {
        customerId: 'customer-slow',
        items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
        shippingCountry: 'US',
      },
      status: 202,
    },
    { method: 'GET', path: '/api/v1/inventory/product-1', status: 200 },
  ],
  'saga-conditional': [
    {
      method: 'POST',
      path: '/api/v1/orders',
      body: {
        customerId: 'customer-1',
        customerType: 'vip',
        amountCents: 150_000,
        shippingCountry: 'CH',
        express: true,
      },
      status: 202,
    },
    { method: 'GET', path: '/api/v1/orders/nothing', status: 404 },
  ],
  'saga-warehouse-integration': [
    {
      method: 'POST',
      path: '/api/v1/warehouse-orders',
      body: {
        customerId: 'customer-1',
        lines: ['east', 'west', 'north'].map((warehouseId) => ({
          warehouseId,
          sku: 'sku-1',
          quantity: 1,
        })),
      },
      status: 202,
    },
    { method: 'GET', path: '/api/v1/warehouses/north/stock/sku-1', status: 200 },
    { method: 'GET', path: '/api/v1/transactions?state=in-doubt', status: 200 },
  ],
};
