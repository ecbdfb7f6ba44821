// Clients of Stepbase: in the browser for the signed-in user, and on the server for the user whose token a request has. Both
// act with the rights of the user; no secret key is needed.
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { createStepbase, type Stepbase } from 'stepbase';
import type { WorkflowsOf } from 'stepbase/workflow';
import type { order } from '../stepbase/workflows/order.ts';

export type Workflows = WorkflowsOf<typeof order>;

const url = process.env.NEXT_PUBLIC_SUPABASE_URL ?? '';
const key = process.env.NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY ?? '';

let browser: { supabase: SupabaseClient; stepbase: Stepbase<Workflows> } | undefined;

/** One client for all components: they share its session and its socket. */
export function browserClients() {
  if (browser === undefined) {
    const supabase = createClient(url, key);
    browser = { supabase, stepbase: createStepbase<Workflows>(supabase) };
  }
  return browser;
}

export function stepbaseOfUser(accessToken: string): Stepbase<Workflows> {
  return createStepbase<Workflows>(
    createClient(url, key, { accessToken: async () => accessToken }),
  );
}
