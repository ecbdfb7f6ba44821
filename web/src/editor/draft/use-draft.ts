// The draft of a workflow while it is edited: loaded, saved while typing, checked with each save, and kept together with
// the saves of others. A save is accepted only over the draft that was read (ETag). Saves of others that touch other steps
// are merged; otherwise `conflict` has their draft, and the person decides.
import { useCallback, useEffect, useRef, useState } from 'react';
import { announce } from '../../shared/announce.tsx';
import { useApp } from '../../shared/app.tsx';
import { useLive } from '../../shared/use-live.ts';
import { type Draft, isEqual } from '../model/definition.ts';
import { mergeDrafts } from '../model/merge.ts';
import { type Fault, RefusedError, readDraft, saveDraft, type Version, validate } from './api.ts';
import { type History, useHistory } from './history.ts';
import { type Loaded, placedDraftOf } from './load.ts';

const SAVE_AFTER_MS = 700;
const GATHER_MS = 200;

export type SaveState = 'saved' | 'unsaved' | 'saving' | 'refused' | 'failed' | 'conflict';

export interface Conflict {
  theirs: Draft;
  etag: string;
  /** What both changed. */
  parts: readonly string[];
}

export interface DraftOfWorkflow extends History {
  save: SaveState;
  /** Why the last save failed. */
  error: Error | undefined;
  faults: readonly Fault[];
  /** The version that is edited; its status is draft once it was saved. */
  version: Version | undefined;
  conflict: Conflict | undefined;
  /** Ends a conflict. */
  resolve(choice: 'mine' | 'theirs'): void;
  /** Saves at once. */
  saveNow(): Promise<boolean>;
  /** After a publish there is no draft until the next edit. */
  published(version: Version): void;
}

interface Server {
  draft: Draft;
  etag: string | undefined;
}

export function useDraft(
  workflow: string,
  workflowId: string,
  loaded: Loaded,
  mayWrite: boolean,
): DraftOfWorkflow {
  const { code, userId } = useApp();
  const history = useHistory(loaded.draft);
  const { draft, replace } = history;
  const [server, setServer] = useState<Server>({ draft: loaded.draft, etag: loaded.etag });
  const [version, setVersion] = useState(loaded.version);
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const [error, setError] = useState<Error>();
  const [conflict, setConflict] = useState<Conflict>();
  const [isSaving, setSaving] = useState(false);
  const current = useRef({ draft, server, isSaving, conflict });
  current.current = { draft, server, isSaving, conflict };
  const isDirty = draft !== server.draft && !isEqual(draft, server.draft);

  /** Takes what another person saved. */
  const meet = useCallback(
    (theirs: Draft, etag: string, theirVersion: Version) => {
      const { draft: mine, server: known } = current.current;
      if (etag === known.etag) return;
      const merged = mergeDrafts(known.draft, mine, theirs);
      setVersion(theirVersion);
      if (merged.conflicts.length > 0) {
        setConflict({ theirs, etag, parts: merged.conflicts });
        announce('Another person has changed the same steps.');
        return;
      }
      setServer({ draft: theirs, etag });
      if (!isEqual(merged.draft, mine)) {
        replace(merged.draft);
        announce('The draft has the changes of another person.');
      }
    },
    [replace],
  );

  const readTheirs = useCallback(async () => {
    const found = await readDraft(workflow);
    if (found !== undefined) {
      meet(await placedDraftOf(found.version), found.etag, found.version);
    }
  }, [workflow, meet]);

  const saveNow = useCallback(async (): Promise<boolean> => {
    const { draft: sent, server: known, isSaving: isBusy, conflict: open } = current.current;
    if (isBusy || open !== undefined) return false;
    if (known.etag !== undefined && isEqual(sent, known.draft)) return true;
    setSaving(true);
    current.current.isSaving = true;
    try {
      const answer = await saveDraft(workflow, sent, known.etag);
      current.current.server = { draft: sent, etag: answer.etag };
      setServer({ draft: sent, etag: answer.etag });
      setVersion(answer.version);
      setFaults(answer.faults);
      setError(undefined);
      return true;
    } catch (problem) {
      if (problem instanceof RefusedError && problem.code === 'precondition_failed') {
        await readTheirs().catch(setError);
        return false;
      }
      setError(problem as Error);
      if (problem instanceof RefusedError && problem.faults.length > 0) setFaults(problem.faults);
      return false;
    } finally {
      setSaving(false);
      current.current.isSaving = false;
    }
  }, [workflow, readTheirs]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each edit, and each save of another person, starts the time again
  useEffect(() => {
    if (!mayWrite || !isDirty || isSaving || conflict !== undefined) return;
    const timer = setTimeout(() => void saveNow(), SAVE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [draft, server, isSaving, conflict, mayWrite, saveNow]);

  // The faults of what was loaded; later ones come with the saves.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once
  useEffect(() => {
    let isCurrent = true;
    validate(workflow, loaded.draft).then(
      (found) => isCurrent && setFaults(found),
      (problem) => isCurrent && setError(problem),
    );
    return () => {
      isCurrent = false;
    };
  }, [workflow]);

  // A tab that is closed warns while something is not saved.
  useEffect(() => {
    if (!isDirty || !mayWrite) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [isDirty, mayWrite]);

  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const readSoon = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      // The own save may be what the message is about; its answer has the ETag.
      if (current.current.isSaving) readSoon();
      else void readTheirs().catch(() => undefined);
    }, GATHER_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useLive(`stepbase:app:${code}:workflows`, {
    onMessage: (_event, payload) => {
      const message = payload as { workflow_id?: string; actor_id?: string; status?: string };
      if (message.workflow_id !== workflowId || message.status !== 'draft') return;
      if (message.actor_id === userId && current.current.isSaving) return;
      readSoon();
    },
    onJoined: readSoon,
  });

  const save: SaveState =
    conflict !== undefined
      ? 'conflict'
      : isSaving
        ? 'saving'
        : error instanceof RefusedError && error.faults.length > 0
          ? 'refused'
          : error !== undefined
            ? 'failed'
            : isDirty
              ? 'unsaved'
              : 'saved';

  return {
    ...history,
    save,
    error,
    faults,
    version,
    conflict,
    resolve: (choice) => {
      if (conflict === undefined) return;
      setServer({ draft: conflict.theirs, etag: conflict.etag });
      if (choice === 'theirs') history.change(() => conflict.theirs);
      setConflict(undefined);
    },
    saveNow,
    published: (next) => {
      setVersion(next);
      setServer({ draft: current.current.draft, etag: undefined });
    },
  };
}
