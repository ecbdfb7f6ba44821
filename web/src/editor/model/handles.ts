// The handles by which edges may leave a step.
import type { Definition, Step } from './definition.ts';

export interface HandleFacts {
  /** null: every handle is allowed. */
  handles: readonly string[] | null;
}

/** Every step can fail and run out of time. */
export const FAULT_HANDLES = ['error', 'timeout'] as const;

/** The outcomes that a card shows, each once; null is the edge that is taken whenever the step completes. */
export function handlesOf(
  step: Step,
  { edges }: Definition,
  type: HandleFacts | undefined,
): (string | null)[] {
  const used = edges
    .filter(({ source }) => source === step.id)
    .map(({ sourceHandle }) => sourceHandle ?? null);
  const isFault = (handle: string | null) =>
    handle !== null && (FAULT_HANDLES as readonly string[]).includes(handle);
  const own: (string | null)[] =
    type === undefined
      ? [null]
      : type.handles === null
        ? ['true', 'false']
        : type.handles.filter((handle) => !isFault(handle)).length > 0
          ? type.handles.filter((handle) => !isFault(handle))
          : [null];
  return [
    ...new Set([...own, ...used.filter((handle) => !isFault(handle)), ...used.filter(isFault)]),
  ];
}

/** All handles that an edge of the step may have, for a select. */
export function possibleHandles(step: Step, definition: Definition, type: HandleFacts | undefined) {
  return [
    ...new Set([
      null,
      ...handlesOf(step, definition, type),
      ...(type?.handles ?? ['default']),
      ...FAULT_HANDLES,
    ]),
  ];
}

export const handleLabel = (handle: string | null): string => handle ?? 'completed';
