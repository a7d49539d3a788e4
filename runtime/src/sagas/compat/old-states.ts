import { evolve } from '../machine/evolve.ts';
import type { SagaState } from '../machine/saga-state.ts';
import type { SagaEvent } from '../saga-event.ts';
import type { DefinitionDescription, DescribedNode, DescribedRow } from './describe-definition.ts';

/** Something that a saga has begun. */
export type Begun =
  | { readonly kind: 'attempted' | 'wait'; readonly path: string }
  | { readonly kind: 'decision'; readonly path: string; readonly branch: string | null };

/** A place where a saga can be: what it has begun, in order; the last is where it stands. */
export type Standing = readonly Begun[];

/**
 * The places where sagas of a definition can be, as far as they differ for whoever goes on with them. Nodes are judged each by
 * itself, and branches too; so in every place all that is elsewhere stands in one way, not in every way there is.
 */
export function standingsOf(row: DescribedRow): readonly Standing[] {
  const standings: Standing[] = [];
  let before: Standing = [];
  for (const node of row) {
    for (const within of standingsIn(node)) standings.push([...before, ...within]);
    before = [...before, ...passed(node)];
  }
  return standings;
}

function standingsIn(node: DescribedNode): readonly Standing[] {
  switch (node.kind) {
    case 'attempted':
    case 'wait':
      return [passed(node)];
    case 'parallel':
      return node.branches.flatMap(standingsOf);
    case 'choice': {
      const { path } = node;
      const none: Standing = [{ kind: 'decision', path, branch: null }];
      const taken = node.cases.flatMap(({ name, row }) => {
        const decided: Begun = { kind: 'decision', path, branch: name };
        return [[decided], ...standingsOf(row).map((within) => [decided, ...within])];
      });
      return [none, ...taken];
    }
  }
}

/** What is begun of a node when it is done. */
function passed(node: DescribedNode): Standing {
  const all = (row: DescribedRow): Standing => row.flatMap(passed);
  switch (node.kind) {
    case 'attempted':
    case 'wait':
      return [{ kind: node.kind, path: node.path }];
    case 'parallel':
      return node.branches.flatMap(all);
    case 'choice': {
      const [first] = node.cases;
      const branch = first?.name ?? null;
      return [{ kind: 'decision', path: node.path, branch }, ...(first ? all(first.row) : [])];
    }
  }
}

const at = new Date(0);

/** The state of a saga that stands there. */
export function stateOf(
  { name, version, hash }: DefinitionDescription,
  standing: Standing,
): SagaState {
  const started: SagaEvent = {
    type: 'SagaStarted',
    at,
    definition: name,
    definitionVersion: version,
    definitionHash: hash,
    input: null,
    correlationId: '',
    deadlineAt: null,
  };
  return standing
    .map(eventOf)
    .reduce<SagaState>((state, event) => evolve(state, event), evolve(undefined, started));
}

function eventOf(begun: Begun): SagaEvent {
  const { path } = begun;
  switch (begun.kind) {
    case 'attempted':
      return {
        type: 'AttemptStarted',
        at,
        path,
        direction: 'forward',
        attempt: 1,
        deadlineAt: null,
      };
    case 'wait':
      return { type: 'WaitStarted', at, path, direction: 'forward', until: null };
    case 'decision':
      return { type: 'Decided', at, path, branch: begun.branch };
  }
}
