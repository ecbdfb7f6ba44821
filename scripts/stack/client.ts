// supabase-js for a stack, with Stepbase's schema as the default, for demos, tools and tests.

import { createClient, type SupabaseClientOptions } from '@supabase/supabase-js';
import type { StackInfo } from './stack.ts';

export type StackAddress = Pick<StackInfo, 'api_url' | 'publishable_key'>;

/** A client of schema stepbase; `key` defaults to the publishable key. */
export function createStackClient(
  stack: StackAddress,
  options: Omit<SupabaseClientOptions<'stepbase'>, 'db'> = {},
  key = stack.publishable_key,
) {
  return createClient(stack.api_url, key, { ...options, db: { schema: 'stepbase' } });
}

export type StackClient = ReturnType<typeof createStackClient>;
