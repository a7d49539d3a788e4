// Starts a server, says which, and reaches its end without stopping it.
import { startEmbeddedPostgres } from '../../../runtime/src/embedded/embedded-postgres.ts';
import { readPostmaster } from '../../../runtime/src/embedded/postmaster-file.ts';

const server = await startEmbeddedPostgres({
  directory: process.argv[2] ?? '',
  durability: 'none',
});
process.stdout.write(`pid ${(await readPostmaster(server.dataDirectory))?.pid}\n`);
