// The draft of a workflow while it is edited: loaded, saved while typing, checked with each save, and kept together with
// the saves of others. A save is accepted only over the draft that was read (ETag), or only if there is none. Saves of others
// that touch other steps are merged; otherwise `conflict` has their draft, and the person decides. When another person
// publishes the draft, the own changes become the next one.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { backoffMs } from '../../../../sdk/src/time.ts';
import { announce } from '../../shared/announce.tsx';
import { useApp } from '../../shared/app.tsx';
import { useIsPaused } from '../../shared/pause.ts';
import { useLive } from '../../shared/use-live.ts';
import { type Draft, isEqual } from '../model/definition.ts';
import { mergeDrafts } from '../model/merge.ts';
import { type Fault, RefusedError, saveDraft, type Version, validate } from './api.ts';
import { type History, useHistory } from './history.ts';
import { type Loaded, loadDraft } from './load.ts';

const SAVE_AFTER_MS = 700;
/** A save that fails is tried again after a growing pause, up to this one. */
const LONGEST_RETRY_MS = 30_000;
const READ_MS = 30_000;
const GATHER_MS = 200;

export type SaveState = 'saved' | 'unsaved' | 'saving' | 'refused' | 'failed' | 'conflict';

export interface Conflict {
  theirs: Loaded;
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

/** Whether the same draft would be refused again. */
const isFinal = (problem: unknown) =>
  problem instanceof RefusedError &&
  problem.status < 500 &&
  ![401, 408, 429].includes(problem.status);

export function useDraft(
  workflow: string,
  workflowId: string,
  loaded: Loaded,
  mayWrite: boolean,
): DraftOfWorkflow {
  const { code, userId } = useApp();
  const history = useHistory(loaded.draft);
  const { draft, replace } = history;
  const [server, setServer] = useState(loaded);
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const [error, setError] = useState<Error>();
  const [conflict, setConflict] = useState<Conflict>();
  const [isSaving, setSaving] = useState(false);
  const current = useRef({ draft, server, isSaving, conflict });
  current.current = { draft, server, isSaving, conflict };
  const isDirty = draft !== server.draft && !isEqual(draft, server.draft);
  const isPaused = useIsPaused();
  const failures = useRef(0);
  const refused = useRef<Draft>(undefined);
  const savedFaults = useRef<readonly Fault[]>([]);
  const queries = useQueryClient();

  /** Takes what another person saved or published. */
  const meet = useCallback(
    (theirs: Loaded) => {
      const { draft: mine, server: known } = current.current;
      if (theirs.etag === known.etag && theirs.version?.id === known.version?.id) return;
      // The page of the workflow and the dialog that publishes compare with its newest version.
      if (theirs.etag === undefined)
        void queries.invalidateQueries({ queryKey: [code, 'workflows'] });
      const merged = mergeDrafts(known.draft, mine, theirs.draft);
      if (merged.conflicts.length > 0) {
        setConflict({ theirs, parts: merged.conflicts });
        announce('Another person has changed the same steps.');
        return;
      }
      current.current.server = theirs;
      setServer(theirs);
      if (!isEqual(merged.draft, mine)) {
        replace(merged.draft);
        announce('The draft has the changes of another person.');
      } else if (theirs.etag === undefined) {
        announce(`Version ${theirs.version?.version} has been published.`);
      }
    },
    [replace, queries, code],
  );

  const readTheirs = useCallback(async () => {
    const found = { id: workflowId, kebab_name: workflow };
    meet(await loadDraft(found, AbortSignal.timeout(READ_MS)));
  }, [workflow, workflowId, meet]);

  const saveNow = useCallback(async (): Promise<boolean> => {
    const { draft: sent, server: known, isSaving: isBusy, conflict: open } = current.current;
    if (isBusy || open !== undefined) return false;
    if (known.etag !== undefined && isEqual(sent, known.draft)) return true;
    setSaving(true);
    current.current.isSaving = true;
    try {
      const answer = await saveDraft(workflow, sent, known.etag);
      const saved = { draft: sent, etag: answer.etag, version: answer.version };
      current.current.server = saved;
      setServer(saved);
      setFaults(answer.faults);
      savedFaults.current = answer.faults;
      setError(undefined);
      failures.current = 0;
      return true;
    } catch (problem) {
      failures.current += 1;
      if (problem instanceof RefusedError && problem.code === 'precondition_failed') {
        await readTheirs().catch(setError);
        return false;
      }
      if (isFinal(problem)) refused.current = sent;
      setError(problem as Error);
      if (problem instanceof RefusedError && problem.faults.length > 0) setFaults(problem.faults);
      return false;
    } finally {
      setSaving(false);
      current.current.isSaving = false;
    }
  }, [workflow, readTheirs]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: an edit and the end of a pause are reasons to try at once
  useEffect(() => {
    failures.current = 0;
  }, [draft, isPaused]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each edit, and each save of another person, starts the time again
  useEffect(() => {
    if (!mayWrite || !isDirty || isSaving || isPaused || conflict !== undefined) return;
    if (draft === refused.current) return;
    const pause = backoffMs(SAVE_AFTER_MS, failures.current, LONGEST_RETRY_MS);
    const timer = setTimeout(() => void saveNow(), pause);
    return () => clearTimeout(timer);
  }, [draft, server, isSaving, isPaused, conflict, mayWrite, saveNow]);

  // The faults of what was loaded; later ones come with the saves.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once
  useEffect(() => {
    let isCurrent = true;
    validate(workflow, loaded.draft).then(
      (found) => {
        if (!isCurrent) return;
        setFaults(found);
        savedFaults.current = found;
      },
      (problem) => isCurrent && setError(problem),
    );
    return () => {
      isCurrent = false;
    };
  }, [workflow]);

  // The edit that could not be saved is undone.
  useEffect(() => {
    if (isDirty || error === undefined) return;
    setError(undefined);
    setFaults(savedFaults.current);
  }, [isDirty, error]);

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
      if (message.workflow_id !== workflowId) return;
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
    version: server.version,
    conflict,
    resolve: (choice) => {
      if (conflict === undefined) return;
      setServer(conflict.theirs);
      if (choice === 'theirs') history.change(() => conflict.theirs.draft);
      setConflict(undefined);
    },
    saveNow,
    published: (version) => {
      setServer({ draft: current.current.draft, etag: undefined, version });
    },
  };
}
