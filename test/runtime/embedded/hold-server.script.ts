// Starts a server as its first argument (JSON) says, writes where it is, and holds it until it is killed.
import { startEmbeddedPostgres } from '../../../runtime/src/embedded/embedded-postgres.ts';

const server = await startEmbeddedPostgres(
  JSON.parse(process.argv[2] ?? '{}') as Parameters<typeof startEmbeddedPostgres>[0],
);
process.stdout.write(`held ${JSON.stringify({ url: server.url, data: server.dataDirectory })}\n`);
setInterval(() => {}, 1_000_000);
