// A member in the demo: signed in with supabase-js only, so that every visible row and channel has passed RLS.

import { createStepbase, type Stepbase } from '../../sdk/src/index.ts';
import { createStackClient, type StackClient } from '../stack/client.ts';
import type { StackInfo } from '../stack/stack.ts';

export interface Member {
  email: string;
  client: StackClient;
  stepbase: Stepbase;
}

export async function signIn(
  info: Pick<StackInfo, 'api_url' | 'publishable_key'>,
  user: { email: string; password: string },
): Promise<Member> {
  const client = createStackClient(info, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { error } = await client.auth.signInWithPassword(user);
  if (error !== null) throw new Error(`sign-in as ${user.email}: ${error.message}`);
  return { email: user.email, client, stepbase: createStepbase(client) };
}

/** Closes the socket, too. */
export async function leave({ client }: Member): Promise<void> {
  await client.removeAllChannels();
}
