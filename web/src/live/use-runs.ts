// A React hook: the list of runs, kept current by the private channel stepbase:app:<app_code>:runs.
import { useCallback, useEffect, useRef, useState } from 'react';
import { joinChannel } from '../../../sdk/src/live/index.ts';
import { type Run, supabase } from '../client.ts';
import { createNewest } from './newest.ts';
import { readAll } from './pages.ts';

export type ListedRun = Pick<
  Run,
  | 'id'
  | 'status'
  | 'created_at'
  | 'duration_ms'
  | 'steps_completed'
  | 'steps_total'
  | 'trigger_type'
> & { workflows: { name: string; kebab_name: string } | null };

const PAGE = 50;
const GATHER_MS = 150;
/** Realtime drops messages above the rate of the plan, and no later message may follow. */
const POLL_MS = 20_000;

export function useRuns(appCode: string, status: string) {
  const [runs, setRuns] = useState<ListedRun[]>();
  const [error, setError] = useState<Error>();
  const [hasMore, setHasMore] = useState(false);
  const pages = useRef(1);
  const [newest] = useState(createNewest);

  const load = useCallback(async () => {
    const page = (from: number, to: number) => {
      const query = supabase
        .from('runs')
        .select(
          'id,status,created_at,duration_ms,steps_completed,steps_total,trigger_type,workflows!runs_workflow_fkey(name,kebab_name)',
        )
        .eq('app_code', appCode);
      return (status === 'all' ? query : query.eq('status', status))
        .order('created_at', { ascending: false })
        .order('id', { ascending: false })
        .range(from, to);
    };
    const shown = pages.current * PAGE;
    await newest.read(
      () => readAll<ListedRun>(page, (run) => run.id, shown + 1),
      (found) => {
        setError(undefined);
        setHasMore(found.length > shown);
        setRuns(found.slice(0, shown));
      },
      (problem) => setError(problem as Error),
    );
  }, [appCode, status, newest]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    pages.current = 1;
    setRuns(undefined);
    void load();
    const leave = joinChannel(supabase, `stepbase:app:${appCode}:runs`, {
      onMessage: () => {
        timer ??= setTimeout(() => {
          timer = undefined;
          void load();
        }, GATHER_MS);
      },
      onJoined: () => void load(),
    });
    const polling = setInterval(() => {
      if (document.visibilityState === 'visible') void load();
    }, POLL_MS);
    return () => {
      clearTimeout(timer);
      clearInterval(polling);
      leave();
      newest.leave();
    };
  }, [appCode, load, newest]);

  const more = useCallback(() => {
    pages.current += 1;
    void load();
  }, [load]);

  return { runs, error, hasMore, more };
}
