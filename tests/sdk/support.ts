// Both callers of the SDK on a stack: a member with supabase-js, and a machine with an API key.

import type { SupabaseClientOptions } from '@supabase/supabase-js';
import { createStackClient, type StackClient } from '../../scripts/stack/client.ts';
import { createStepbase, type RunEvent, type Stepbase } from '../../sdk/src/index.ts';
import type { TestApp } from '../engine/support.ts';
import { type Person, seedUser, stackInfo } from '../support/stack.ts';

export async function createKey(admin: StackClient): Promise<string> {
  const { data, error } = await admin.rpc('create_api_key', { name: 'sdk' });
  if (error) throw new Error(error.message);
  return (data as { key: string }).key;
}

export async function callers(b: TestApp): Promise<Record<'user' | 'machine', Stepbase>> {
  return {
    user: createStepbase(b.admin),
    machine: createStepbase({ url: b.stack.api_url, apiKey: await createKey(b.admin) }),
  };
}

/** A member whose requests and sockets the test can disturb. */
export async function member(
  person: Person,
  options: Omit<SupabaseClientOptions<'stepbase'>, 'db'>,
): Promise<StackClient> {
  const client = createStackClient(stackInfo(), {
    auth: { persistSession: false, autoRefreshToken: false },
    ...options,
  });
  const { email, password } = seedUser(person);
  const { error } = await client.auth.signInWithPassword({ email, password });
  if (error) throw error;
  return client;
}

/** All events; `each` acts on them. */
export async function collect(
  events: AsyncIterable<RunEvent>,
  each: (event: RunEvent) => unknown = () => undefined,
): Promise<RunEvent[]> {
  const seen: RunEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    await each(event);
  }
  return seen;
}

export const numbers = (events: readonly RunEvent[]): number[] => events.map(({ seq }) => seq);
