import type { Logger } from '../foundation/logger.ts';
import type { PostgresTransaction } from '../postgres/connection/client.ts';
import { createPool } from '../postgres/connection/pool.ts';
import { PostgresSagaStore } from '../postgres/sagas/saga-store.ts';
import { createSagaEngine } from '../sagas/create-saga-engine.ts';
import { begunGraph } from '../sagas/diagram/begun-graph.ts';
import { drawSaga } from '../sagas/diagram/saga-diagram.ts';
import { restore } from '../sagas/machine/saga-snapshot.ts';
import type { SagaEngine } from '../sagas/saga-engine.ts';
import { loadEnvFile } from '../foundation/env-file.ts';
import { openProjectDatabase } from './project-database.ts';
import { parseSagasCall, type SagasCall } from './sagas-arguments.ts';
import { compareDefinitions } from './sagas-compat.ts';
import { historyText, journalText, listText, plainText, viewText } from './sagas-output.ts';

/** What `--help` prints. */
export const SAGAS_USAGE = `potter-sagas list [--where …] [--limit 50] [--after <id>]
potter-sagas show|history|journal|diagram <id>
potter-sagas pause|resume|cancel <id>
potter-sagas rewind <id> <step>
potter-sagas skip <id> <step> [--result <json>]
potter-sagas edit <id> <json> [--merge]
potter-sagas undo <id> [--force]
potter-sagas signal <id> <name> [<json>]
potter-sagas bulk <operation> [<step>|<json>|<name>] --where … [--yes]
potter-sagas compat <file.json> <module.js> [--write]

  --where       name=value, any number of times, all have to hold: status (several with commas), paused, definition,
                version, step, correlation, from and before (when it started)
  --by          who asks, for the journal; your user name when not said
  --reason      why, for the journal
  --message-id  makes an operation repeatable: the same id is heard once
  --json        for programs; bulk prints a line of JSON for each saga
  --yes         bulk does not ask first
  --write       compat writes the file anew, when a version is deployed
  --help        this text

history has attempts; journal everything, also what was asked for, by whom and why.
compat says which sagas under way, of the definitions in the file, the \`definitions\` that the module exports could not
go on with. It needs no database: run it before each deployment.

An operation is a message: this command ends when it is durable, and the process that has the saga does it.
The database is DATABASE_URL (from the environment or .env) or, when that is not set, the project's embedded one.
Exit codes: 0 done, 1 refused or failed (of bulk: at least one), 2 called wrongly.
`;

/** What the command speaks through. */
export interface SagasConsole {
  readonly print: (text: string) => void;
  /** Asks a person for a yes. */
  readonly ask: (question: string) => Promise<boolean>;
  readonly logger: Logger;
}

/** Runs `potter-sagas` with these arguments. @returns the exit code. */
export async function sagasCommand(
  args: readonly string[],
  { print, ask, logger }: SagasConsole,
): Promise<number> {
  const call = parseSagasCall(args);
  if (call === undefined) {
    print(SAGAS_USAGE);
    return 0;
  }
  if (call.command === 'compat') return compareDefinitions(call, print);
  loadEnvFile();
  const database = await openProjectDatabase(logger);
  try {
    await using pool = createPool(database.url, {
      applicationName: 'potter-sagas',
      maxConnections: 8,
    });
    await using store = new PostgresSagaStore({ pool });
    return await new SagasCommand(store, { print, ask, logger }).run(call);
  } finally {
    await database.close();
  }
}

/** A call against a store. An engine without definitions, that runs nothing, is all that looking and telling takes. */
class SagasCommand {
  readonly #store: PostgresSagaStore;
  readonly #engine: SagaEngine<PostgresTransaction>;
  readonly #console: SagasConsole;

  constructor(store: PostgresSagaStore, console: SagasConsole) {
    this.#store = store;
    this.#engine = createSagaEngine({ store, definitions: [] });
    this.#console = console;
  }

  async run(call: Exclude<SagasCall, { command: 'compat' }>): Promise<number> {
    const { print } = this.#console;
    const show = (value: unknown, text: string): void =>
      print(call.json ? plainText(value, 2) : text);
    switch (call.command) {
      case 'list': {
        const { filter, limit, after } = call;
        const page = { limit, ...(after !== undefined && { after }) };
        const sagas = await this.#engine.list(filter, page);
        const last = sagas.length === limit ? sagas.at(-1) : undefined;
        const more = last ? `\nmore: --after ${last.sagaId}` : '';
        show(sagas, `${listText(sagas)}${more}`);
        return 0;
      }
      case 'show': {
        const saga = await this.#engine.get(call.sagaId);
        show(saga, viewText(saga));
        return 0;
      }
      case 'history': {
        const history = await this.#engine.history(call.sagaId);
        show(history, historyText(history.history));
        return 0;
      }
      case 'journal': {
        const journal = await this.#store.journal(call.sagaId);
        if (journal.length === 0) await this.#engine.get(call.sagaId);
        show(journal, journalText(journal));
        return 0;
      }
      case 'diagram':
        print(await this.#diagram(call.sagaId));
        return 0;
      case 'tell': {
        const told = await this.#engine.tell(call.sagaId, call.action, call.told);
        show(told, `${call.action.kind}: accepted for ${told.sagaId}`);
        return 0;
      }
      case 'bulk':
        return this.#bulk(call);
    }
  }

  /** What it has begun, in that order: the definition is the service's, and is not here. */
  async #diagram(sagaId: string): Promise<string> {
    await this.#engine.get(sagaId);
    const saga = await this.#store.load(sagaId);
    if (!saga) return '';
    const { state } = await restore(saga, (id) => this.#store.journal(id));
    return drawSaga(begunGraph(state), { sagaId, state }, [], {});
  }

  async #bulk(call: Extract<SagasCall, { command: 'bulk' }>): Promise<number> {
    const { print, ask } = this.#console;
    const { filter, action, told, yes, json } = call;
    if (!yes) {
      const found = await this.#count(call);
      if (found === 0) {
        print(json ? '' : 'no sagas');
        return 0;
      }
      const many = found === 1 ? '1 saga' : `${found} sagas`;
      if (!(await ask(`${action.kind} ${many}?`))) return 1;
    }
    let accepted = 0;
    let refused = 0;
    for await (const outcome of this.#engine.bulk(filter, action, told)) {
      if (outcome.outcome === 'accepted') accepted += 1;
      else refused += 1;
      const text =
        outcome.outcome === 'accepted'
          ? `${outcome.sagaId}  accepted`
          : `${outcome.sagaId}  refused  ${outcome.error.code}: ${outcome.error.message}`;
      print(json ? plainText(outcome) : text);
    }
    if (!json) print(`${accepted} accepted, ${refused} refused`);
    return refused === 0 ? 0 : 1;
  }

  async #count({ filter }: Extract<SagasCall, { command: 'bulk' }>): Promise<number> {
    let found = 0;
    let after: string | undefined;
    for (;;) {
      const page = await this.#engine.list(filter, {
        limit: 1_000,
        ...(after !== undefined && { after }),
      });
      found += page.length;
      after = page.at(-1)?.sagaId;
      if (page.length < 1_000) return found;
    }
  }
}
