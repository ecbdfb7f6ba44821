// The page pauses without a network, after the session has ended, and while the token of the browser is for another
// application. A paused page sends no requests: they would fail without a session, or read and change the other
// application. It keeps its rows and continues after the pause. TanStack Query calls this state "offline".
import { onlineManager } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';

export type PauseReason = 'session_ended' | 'other_application';

const reasons = new Set<PauseReason>();

const update = () => onlineManager.setOnline(navigator.onLine && reasons.size === 0);

onlineManager.setEventListener(() => {
  window.addEventListener('online', update);
  window.addEventListener('offline', update);
  return () => {
    window.removeEventListener('online', update);
    window.removeEventListener('offline', update);
  };
});
update();

/** Pauses the page while `isActive`. */
export function usePause(reason: PauseReason, isActive: boolean): void {
  useEffect(() => {
    if (!isActive) return;
    reasons.add(reason);
    update();
    return () => {
      reasons.delete(reason);
      update();
    };
  }, [reason, isActive]);
}

/** Whether the page is paused, for what TanStack Query does not do. */
export const useIsPaused = (): boolean =>
  !useSyncExternalStore(
    (listener) => onlineManager.subscribe(listener),
    () => onlineManager.isOnline(),
  );
