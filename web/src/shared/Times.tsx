// Times that keep themselves current. `RelativeTime at={iso}` shows "5 min. ago" with the full time on hover;
// `Duration ms={…}` shows a length, and `Duration since={iso}` a running one. One timer serves all of them.
import { useSyncExternalStore } from 'react';
import { dateTime, duration, relativeTime } from './format.ts';

let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The current time in milliseconds; the component renders each second. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => now);

export function RelativeTime({ at }: { at: string | null }) {
  const current = useNow();
  if (at === null) return <span>–</span>;
  return (
    <time dateTime={at} title={dateTime(at)}>
      {relativeTime(at, current)}
    </time>
  );
}

function RunningDuration({ since }: { since: string }) {
  const current = useNow();
  const ms = Math.max(0, current - new Date(since).getTime());
  return <span>{duration(Math.floor(ms / 1_000) * 1_000)}</span>;
}

interface DurationProps {
  ms: number | null;
  /** The start of something that has not ended: the time since then is shown while `ms` is null. */
  since?: string | null;
}

export function Duration({ ms, since }: DurationProps) {
  if (ms !== null) return <span>{duration(ms)}</span>;
  return since ? <RunningDuration since={since} /> : <span>–</span>;
}
