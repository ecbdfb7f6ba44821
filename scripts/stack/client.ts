// supabase-js against a stack, with Stepbase's schema as the default: what demos, tools and tests sign in with.

import { createClient, type SupabaseClientOptions } from '@supabase/supabase-js';
import type { StackInfo } from './stack.ts';

export type StackAddress = Pick<StackInfo, 'api_url' | 'publishable_key'>;

/** A client of schema stepbase; `key` is the publishable key unless another one is given. */
export function createStackClient(
  stack: StackAddress,
  options: Omit<SupabaseClientOptions<'stepbase'>, 'db'> = {},
  key = stack.publishable_key,
) {
  return createClient(stack.api_url, key, { ...options, db: { schema: 'stepbase' } });
}

export type StackClient = ReturnType<typeof createStackClient>;
