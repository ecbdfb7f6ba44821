// Undo and redo: the drafts before and after the present one.
import { useCallback, useState } from 'react';
import type { Draft } from '../model/definition.ts';

const MAX_STEPS = 200;
/** Edits with the same key within this time are one step. */
const SAME_EDIT_MS = 1_500;

interface State {
  past: readonly Draft[];
  present: Draft;
  future: readonly Draft[];
  /** Of the newest edit. */
  key: string | undefined;
  at: number;
}

export interface History {
  draft: Draft;
  canUndo: boolean;
  canRedo: boolean;
  /** `key`: typing in one field is one step of undo. */
  change(edit: (draft: Draft) => Draft, key?: string): void;
  /** Another draft in place of the present one, which is not an edit of the person. */
  replace(draft: Draft): void;
  undo(): void;
  redo(): void;
}

export function changed(state: State, next: Draft, key: string | undefined, at: number): State {
  if (next === state.present) return state;
  const isSame = key !== undefined && key === state.key && at - state.at < SAME_EDIT_MS;
  return {
    past: isSame ? state.past : [...state.past, state.present].slice(-MAX_STEPS),
    present: next,
    future: [],
    key,
    at,
  };
}

export function undone(state: State): State {
  const before = state.past.at(-1);
  if (before === undefined) return state;
  return {
    ...state,
    past: state.past.slice(0, -1),
    present: before,
    future: [state.present, ...state.future],
    key: undefined,
  };
}

export function redone(state: State): State {
  const [after, ...future] = state.future;
  if (after === undefined) return state;
  return { ...state, past: [...state.past, state.present], present: after, future, key: undefined };
}

export const started = (present: Draft): State => ({
  past: [],
  present,
  future: [],
  key: undefined,
  at: 0,
});

export function useHistory(first: Draft): History {
  const [state, setState] = useState(() => started(first));
  return {
    draft: state.present,
    canUndo: state.past.length > 0,
    canRedo: state.future.length > 0,
    change: useCallback((edit, key) => {
      setState((known) => changed(known, edit(known.present), key, Date.now()));
    }, []),
    replace: useCallback((draft) => {
      setState((known) => ({ ...known, present: draft, key: undefined }));
    }, []),
    undo: useCallback(() => setState(undone), []),
    redo: useCallback(() => setState(redone), []),
  };
}
