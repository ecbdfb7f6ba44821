// Live updates. `useLive(topic, onMessage)` listens to a private Realtime channel while the component is mounted and says
// whether messages arrive. `useLiveKeys(topic, [['runs']])` reads query keys again after messages, and now and then
// without one, because Realtime drops messages above its rate limit. Topics: useRunsTopic(), useOperationsTopic().
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { joinChannel } from '../../../sdk/src/live/index.ts';
import { useAppCode } from './app.tsx';
import type { Key } from './query.ts';
import { supabase } from './supabase.ts';

/** Changes of the status and of the tasks of all runs of the application. */
export const useRunsTopic = (): string => `stepbase:app:${useAppCode()}:runs`;
/** All changes of one run, with its steps and tasks. */
export const runTopic = (runId: string): string => `stepbase:run:${runId}`;
/** Changes of bulk operations of the application. */
export const useOperationsTopic = (): string => `stepbase:app:${useAppCode()}:operations`;

interface LiveHandlers {
  onMessage(event: string, payload: unknown): void;
  /** The channel was joined or rejoined: messages may have been lost. */
  onJoined?(): void;
}

/** `topic`: undefined listens to nothing. Returns whether messages arrive now. */
export function useLive(topic: string | undefined, handlers: LiveHandlers): boolean {
  const [isLive, setLive] = useState(false);
  const current = useRef(handlers);
  current.current = handlers;
  useEffect(() => {
    if (topic === undefined) return;
    const leave = joinChannel(supabase, topic, {
      onMessage: (event, payload) => current.current.onMessage(event, payload),
      onJoined: () => {
        setLive(true);
        current.current.onJoined?.();
      },
      onLost: () => setLive(false),
    });
    return () => {
      setLive(false);
      leave();
    };
  }, [topic]);
  return isLive;
}

/** Messages within this time share a read. */
const GATHER_MS = 150;
const POLL_MS = 20_000;

/** Reads the keys again (without the code of the application) after messages of the topic. */
export function useLiveKeys(topic: string | undefined, keys: readonly Key[]): boolean {
  const client = useQueryClient();
  const app = useAppCode();
  const wanted = useRef(keys);
  wanted.current = keys;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const read = () => {
    for (const key of wanted.current) {
      // A read under way may be older than the message; it ends, and another one follows.
      void client.invalidateQueries({ queryKey: [app, ...key] }, { cancelRefetch: false });
    }
  };
  const readSoon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const isBusy = wanted.current.some((key) => client.isFetching({ queryKey: [app, ...key] }));
      if (isBusy) readSoon();
      else read();
    }, GATHER_MS);
  };
  const isLive = useLive(topic, { onMessage: readSoon, onJoined: readSoon });

  // biome-ignore lint/correctness/useExhaustiveDependencies: the functions read the current keys from the ref
  useEffect(() => {
    const polling = setInterval(() => {
      if (document.visibilityState === 'visible') read();
    }, POLL_MS);
    return () => {
      clearInterval(polling);
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [app, client]);
  return isLive;
}
