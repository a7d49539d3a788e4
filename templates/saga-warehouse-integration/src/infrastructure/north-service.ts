import { createHttpService, twoPhaseParticipantRoutes } from 'potter-runtime/http';
import {
  type PostgresPool,
  translatePostgresError,
  tryConfirmCancel,
} from 'potter-runtime/postgres';
import { type Static, Type } from 'typebox';
import type { Reservation } from '../application/warehouse.ts';
import type { Pieces } from '../domain/warehouse-order.ts';
import { effectsOf } from './effects.ts';
import { giveBackHeld, hold, release, reserveHeld, stockOf } from './warehouse-stock.ts';

/** The running warehouse. */
export interface NorthService {
  readonly url: string;
  close(): Promise<unknown>;
}

/** What a release is asked with. */
export const releaseRequest = Type.Object({
  sagaId: Type.String({ minLength: 1 }),
  key: Type.Unsafe<`${string}/undo`>(Type.String({ pattern: '/undo$' })),
});

/** An effect as it goes over the wire. */
export const effectAnswer = Type.Object({
  service: Type.String(),
  operation: Type.String(),
  key: Type.String(),
  at: Type.String({ format: 'date-time' }),
});

/**
 * A warehouse of somebody else, as a service of its own with its own tables. It has never heard of PREPARE TRANSACTION: it takes
 * part by try, confirm and cancel, that is by setting pieces aside and then reserving them or putting them back. It stands here so that
 * the example runs by itself; `NORTH_URL` names a real one.
 */
export async function startNorth(pool: PostgresPool): Promise<NorthService> {
  const service = await createHttpService({
    name: 'north',
    version: '0.1.0',
    translateError: translatePostgresError,
  });
  const participant = tryConfirmCancel<Reservation, Reservation, { pieces: Pieces }>({
    name: 'north',
    pool,
    try: async (tx, reservation) => {
      await hold(tx, reservation);
      return reservation;
    },
    confirm: async (tx, reservation) => {
      await reserveHeld(tx, 'north', reservation);
      return { pieces: reservation.pieces };
    },
    cancel: (tx, reservation) => giveBackHeld(tx, reservation),
  });
  twoPhaseParticipantRoutes(service, participant);
  service.app.get(
    '/stock/:sku',
    { schema: { params: Type.Object({ sku: Type.String({ minLength: 1, maxLength: 100 }) }) } },
    ({ params }) => stockOf(pool, params.sku),
  );
  service.app.post('/release', { schema: { body: releaseRequest } }, async ({ body }) => {
    await release(pool, 'north', body);
    return {};
  });
  service.app.get(
    '/effects',
    {
      schema: {
        querystring: Type.Object({ sagaId: Type.String({ minLength: 1 }) }),
        response: { 200: Type.Array(effectAnswer) },
      },
    },
    async ({ query }): Promise<Static<typeof effectAnswer>[]> => {
      const effects = await effectsOf(pool, query.sagaId);
      return effects.map((effect) => ({ ...effect, at: effect.at.toISOString() }));
    },
  );
  return { url: await service.listen({ port: 0 }), close: () => service.close() };
}
