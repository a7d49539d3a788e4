import type { PostgresClient } from '../connection/client.ts';
import { EVENTS_CHANNEL } from './append-sql.ts';

/** Tells the subscriptions of all processes that there may be new events. */
export async function wakeSubscriptions(client: PostgresClient): Promise<void> {
  await client.query({
    name: 'potter_wake_subscriptions',
    text: `select pg_notify('${EVENTS_CHANNEL}', '')`,
  });
}
