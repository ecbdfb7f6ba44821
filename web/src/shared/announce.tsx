// Status changes for people who listen to the page. `announce('The run completed.')` puts the text into the one live
// region of the shell; a screen reader says it when it is idle. Announce what a person waits for, not each update.
import { VisuallyHidden } from '@mantine/core';
import { useSyncExternalStore } from 'react';

/** A reader that is busy says the older ones, too: a new text does not replace one that it has not said. */
const KEPT = 3;

interface Announcement {
  number: number;
  text: string;
}

let announcements: readonly Announcement[] = [];
const listeners = new Set<() => void>();

export function announce(text: string): void {
  const number = (announcements.at(-1)?.number ?? 0) + 1;
  announcements = [...announcements, { number, text }].slice(-KEPT);
  for (const listener of listeners) listener();
}

export function Announcer() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => announcements,
  );
  return (
    <VisuallyHidden aria-live="polite" data-testid="announcer">
      {shown.map(({ number, text }) => (
        <span key={number}>{`${text} `}</span>
      ))}
    </VisuallyHidden>
  );
}
