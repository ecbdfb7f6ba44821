// Status changes for people who listen to the page. `announce('The run completed.')` puts the text into the one live
// region of the shell; a screen reader says it when it is idle. Announce what a person waits for, not each update.
import { VisuallyHidden } from '@mantine/core';
import { useSyncExternalStore } from 'react';

let text = '';
const listeners = new Set<() => void>();

export function announce(next: string): void {
  // The same text twice in a row would not be a change.
  text = next === text ? `${next}\u00a0` : next;
  for (const listener of listeners) listener();
}

export function Announcer() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => text,
  );
  return (
    <VisuallyHidden aria-live="polite" data-testid="announcer">
      {shown}
    </VisuallyHidden>
  );
}
