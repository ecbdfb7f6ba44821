// A client with a time limit for each call. A call without an answer is retried with the same idempotency key.

import { setTimeout as pause } from 'node:timers/promises';
import { isAuthRetryableFetchError } from '@supabase/supabase-js';
import { createStackClient, type StackClient } from '../stack/client.ts';
import { DEMO_PASSWORD } from '../stack/seed-users.ts';
import type { StackInfo } from '../stack/stack.ts';

/** A lost answer costs this time; a slow machine needs more for each of many calls, so that a time-out doubles it. */
const ANSWER_MS = 2_500;
const MOST_ANSWER_MS = 10_000;
const CALL_MS = 180_000;
const SIGN_IN_ATTEMPTS = 10;
const CALL_PAUSE_MS = 250;
const POLL_MS = 100;
const POLLS = 1_200;

interface Reply<T> {
  data: T | null;
  error: { code: string; message: string } | null;
}

export interface Client {
  /**
   * Retries until there is an answer. An error of Stepbase (SB…) is thrown, except for the codes in
   * `alreadyDone`: an earlier attempt may have succeeded without an answer. They give null.
   */
  call<T>(
    call: (supabase: StackClient) => PromiseLike<Reply<T>>,
    ...alreadyDone: string[]
  ): Promise<T | null>;
  /** Polls until there is a row. */
  until<T>(what: string, poll: (supabase: StackClient) => PromiseLike<Reply<T | null>>): Promise<T>;
}

export async function signIn(stack: StackInfo, email: string): Promise<Client> {
  let answerMs = ANSWER_MS;
  const supabase = createStackClient(stack, {
    auth: { persistSession: false, autoRefreshToken: false },
    global: {
      fetch: async (input, init) => {
        const limitMs = answerMs;
        const signal = AbortSignal.timeout(limitMs);
        try {
          const response = await fetch(input, { ...init, signal });
          answerMs = Math.max(ANSWER_MS, answerMs / 2);
          return response;
        } catch (error) {
          if (signal.aborted) answerMs = Math.min(MOST_ANSWER_MS, Math.max(answerMs, 2 * limitMs));
          throw error;
        }
      },
    },
  });
  for (let attempt = 1; ; attempt += 1) {
    const { error } = await supabase.auth.signInWithPassword({ email, password: DEMO_PASSWORD });
    if (!error) break;
    if (!isAuthRetryableFetchError(error) || attempt === SIGN_IN_ATTEMPTS) throw error;
  }

  const call: Client['call'] = async (make, ...alreadyDone) => {
    const end = performance.now() + CALL_MS;
    while (true) {
      const { data, error } = await make(supabase);
      if (!error) return data;
      if (alreadyDone.includes(error.code)) return null;
      if (error.code?.startsWith('SB') || performance.now() > end) {
        throw new Error(`${error.code} ${error.message}`);
      }
      await pause(CALL_PAUSE_MS);
    }
  };
  return {
    call,
    async until(what, poll) {
      for (let polls = 1; polls <= POLLS; polls += 1) {
        const found = await call(poll);
        if (found !== null) return found;
        await pause(POLL_MS);
      }
      throw new Error(`${what}: no row after ${POLLS} polls`);
    },
  };
}
