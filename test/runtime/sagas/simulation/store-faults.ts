import { PotterError } from 'potter-runtime/errors';
import { interceptSagaStore, type SagaStoreInterceptor } from 'potter-runtime/testing';
import { LEASE_MS, type Store, type World } from './world.ts';

const unavailable = (): PotterError =>
  new PotterError('DATABASE_UNAVAILABLE', { message: 'The simulation broke the connection.' });

/** Calls of one process that are late, fail, succeed without an answer, or are the last it makes. */
export function storeFaults(
  world: World,
  { kill, untilAwake }: { readonly kill: () => void; readonly untilAwake: () => Promise<void> },
): SagaStoreInterceptor {
  const { chance } = world;
  return async (call, proceed) => {
    await untilAwake();
    if (!world.chaos) return proceed();
    if (chance.of(0.3)) await world.wait(chance.upTo(40));
    if (chance.of(0.03)) throw unavailable();
    if (chance.of(0.01)) kill();
    const value = await proceed();
    if (chance.of(0.01)) kill();
    // A lost answer to `listen` would leave a listener nobody can remove: the store forgets it with the connection.
    if (chance.of(0.04) && call.method !== 'listen') throw unavailable();
    if (chance.of(0.2)) await world.wait(chance.upTo(80));
    if (chance.of(0.01)) await world.wait(LEASE_MS * 2);
    await untilAwake();
    return value;
  };
}

/** A store whose notifications arrive late, out of order, or not at all. */
export function lateNotifications({ clock, chance }: World, store: Store): Store {
  const later = (hear: () => void): void => {
    if (chance.of(0.3)) return;
    if (chance.of(0.5)) hear();
    else clock.schedule(chance.upTo(60), hear);
  };
  return {
    ...interceptSagaStore(store, (_call, proceed) => proceed()),
    listen: (listener) =>
      store.listen({
        onWork: () => later(() => listener.onWork()),
        onMessage: (sagaId) => later(() => listener.onMessage(sagaId)),
      }),
  };
}
