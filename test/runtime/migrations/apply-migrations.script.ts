// One of the processes of concurrent-start.postgres.test.ts: applies, and writes the names of what it applied.
import { createMigrator } from '../../../runtime/src/migrations/migrator.ts';

const [databaseUrl = '', directory = ''] = process.argv.slice(2);
const migrator = createMigrator({ databaseUrl, directory, components: ['event-store'] });
const steps = await migrator.up();
process.stdout.write(JSON.stringify(steps.map((step) => step.name)));
