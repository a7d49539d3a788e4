import type { SagaError, SagaEvent } from '../saga-event.ts';
import type { DirectionState, StepState } from './saga-state.ts';
import type { StateDraft } from './state-draft.ts';

/** Everything that was begun goes on under its new name; only its keys keep the old one. */
export function migrated(
  draft: StateDraft,
  event: Extract<SagaEvent, { type: 'DefinitionMigrated' }>,
): void {
  const { renamed } = event;
  const nameOf = (path: string): string =>
    Object.hasOwn(renamed, path) ? (renamed[path] ?? path) : path;
  const errorOf = (error: SagaError): SagaError =>
    error.step === null ? error : { ...error, step: nameOf(error.step) };
  const tries = (attempts: DirectionState | null): DirectionState | null =>
    attempts?.status === 'exhausted' ? { ...attempts, error: errorOf(attempts.error) } : attempts;
  draft.definitionVersion = event.toVersion;
  draft.definitionHash = event.definitionHash;
  draft.steps = draft.steps.map((step): StepState => ({
    ...step,
    path: nameOf(step.path),
    forward: tries(step.forward),
    compensate: tries(step.compensate),
  }));
  draft.marks = draft.marks.map((mark) => ({ ...mark, path: nameOf(mark.path) }));
  if (draft.currentStep !== null) draft.currentStep = nameOf(draft.currentStep);
  if (draft.rewindTo !== null) draft.rewindTo = nameOf(draft.rewindTo);
  draft.remaining = draft.remaining.map(nameOf);
  if (draft.failure) draft.failure = errorOf(draft.failure);
  if (draft.cause) draft.cause = errorOf(draft.cause);
}
