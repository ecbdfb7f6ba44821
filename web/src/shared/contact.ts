// Whether the server answers. Every request passes `watchedFetch`, which records the last answer and the first failure
// since then; the banner of the shell shows their age. A status of 502 to 504 comes from a proxy whose server is gone.
import { useSyncExternalStore } from 'react';
import { withDeadline } from './deadline-fetch.ts';
import { exactFetch } from './exact-fetch.ts';

export interface Contact {
  /** The time of the last answer in milliseconds; undefined before the first. */
  answeredAt?: number;
  /** The time of the first failure after that answer. */
  failedAt?: number;
}

let contact: Contact = {};
const listeners = new Set<() => void>();

function set(next: Contact): void {
  const isNews = next.failedAt !== contact.failedAt;
  contact = next;
  if (isNews) for (const listener of listeners) listener();
}

const GONE = [502, 503, 504];
/** The database ends a statement of a user after 8 seconds, so a server that lives answers long before. */
const DEADLINE_MS = 30_000;
const send = withDeadline(exactFetch, DEADLINE_MS);

export const watchedFetch: typeof fetch = async (input, init) => {
  const signal = init?.signal;
  try {
    const response = await send(input, init);
    if (GONE.includes(response.status))
      set({ ...contact, failedAt: contact.failedAt ?? Date.now() });
    else set({ answeredAt: Date.now() });
    return response;
  } catch (error) {
    if (!signal?.aborted) set({ ...contact, failedAt: contact.failedAt ?? Date.now() });
    throw error;
  }
};

/** The last contact with the server; renders again when it is lost or found. */
export function useContact(): Contact {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => contact,
  );
}
