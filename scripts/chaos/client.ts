// A client as its user would write it: a call that is not answered in time is given up, and one that was
// not answered is made again, with the same idempotency key, until it is.

import { setTimeout as pause } from 'node:timers/promises';
import { createStackClient, type StackClient } from '../stack/client.ts';
import { DEMO_PASSWORD } from '../stack/seed-users.ts';
import type { StackInfo } from '../stack/stack.ts';

const ANSWER_MS = 2_500;
const CALL_ATTEMPTS = 60;
const CALL_PAUSE_MS = 250;
const LOOK_MS = 100;
const LOOKS = 1_200;

interface Reply<T> {
  data: T | null;
  error: { code: string; message: string } | null;
}

export interface Client {
  /**
   * The answer, whatever it takes. A refusal (SB…) is thrown, unless the call was made before and may have
   * done its work: codes in `settled` then are an answer of null.
   */
  call<T>(
    call: (supabase: StackClient) => PromiseLike<Reply<T>>,
    ...settled: string[]
  ): Promise<T | null>;
  /** Looks until there is something. */
  until<T>(what: string, look: (supabase: StackClient) => PromiseLike<Reply<T | null>>): Promise<T>;
}

export async function signIn(stack: StackInfo, email: string): Promise<Client> {
  const supabase = createStackClient(stack, {
    auth: { persistSession: false, autoRefreshToken: false },
    global: {
      fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(ANSWER_MS) }),
    },
  });
  const { error } = await supabase.auth.signInWithPassword({ email, password: DEMO_PASSWORD });
  if (error) throw error;

  const call: Client['call'] = async (make, ...settled) => {
    for (let attempt = 1; ; attempt += 1) {
      const { data, error } = await make(supabase);
      if (!error) return data;
      if (settled.includes(error.code)) return null;
      if (error.code?.startsWith('SB') || attempt === CALL_ATTEMPTS) {
        throw new Error(`${error.code} ${error.message}`);
      }
      await pause(CALL_PAUSE_MS);
    }
  };
  return {
    call,
    async until(what, look) {
      for (let looks = 1; looks <= LOOKS; looks += 1) {
        const found = await call(look);
        if (found !== null) return found;
        await pause(LOOK_MS);
      }
      throw new Error(`${what}: never came`);
    },
  };
}
