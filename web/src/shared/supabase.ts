// The Supabase client of the page, and row types derived from the generated database types. `callApi` is for the few
// routes of the HTTP API that need no session.
import { createClient } from '@supabase/supabase-js';
import type { Database } from '../../../types/database.ts';
import { accessToken, auth } from './auth.ts';
import { config } from './config.ts';
import { watchedFetch } from './contact.ts';
import { ApiError } from './errors.ts';

/**
 * Sends requests of the session. Without one, the request would be made as the role anon and be refused for its role;
 * it ends like one whose token has expired.
 */
const sessionFetch: typeof fetch = async (input, init) => {
  const bearer = new Headers(init?.headers).get('authorization');
  if (bearer === null || bearer === `Bearer ${config.publishable_key}`) {
    return Response.json({ code: 'PGRST301', message: 'There is no session.' }, { status: 401 });
  }
  return await watchedFetch(input, init);
};

/** Typed by the database: tables, RPCs and Realtime as the signed-in user. */
export const supabase = createClient<Database, 'stepbase'>(config.api_url, config.publishable_key, {
  db: { schema: 'stepbase' },
  global: { fetch: sessionFetch },
  accessToken,
  // A server that does not answer is noticed after two of these; the default is 25 seconds.
  realtime: { heartbeatIntervalMs: 10_000 },
});
Object.assign(supabase, { auth });

// Joined channels get each new token.
auth.onAuthStateChange((_event, session) => {
  void supabase.realtime.setAuth(session?.access_token ?? null);
});

/** The address of the HTTP API, without its version. */
export const httpApiUrl = `${config.api_url}/functions/v1/stepbase-api`;

/** Posts to the HTTP API without a caller. Throws an ApiError with the message of the problem. */
export async function callApi<T>(path: string, body: unknown): Promise<T> {
  const response = await watchedFetch(`${httpApiUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', apikey: config.publishable_key },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as T & { detail?: string; title?: string; code?: string };
  if (!response.ok) {
    throw new ApiError(answer.detail ?? answer.title ?? response.statusText, answer.code);
  }
  return answer;
}

type Tables = Database['stepbase']['Tables'];
/** Without the computed field `context`, which a query returns only on request. */
export type Run = Omit<Tables['runs']['Row'], 'context'>;
export type StepRun = Tables['step_runs']['Row'];
export type RunEvent = Tables['run_events']['Row'];
/** The label, icon and color of a step type. */
export type StepType = Pick<Tables['step_types']['Row'], 'label' | 'icon' | 'color'>;
export type WorkflowNode = Tables['workflow_nodes']['Row'] & { step_type: StepType };
export type WorkflowEdge = Tables['workflow_edges']['Row'];
export type Workflow = Tables['workflows']['Row'];
export type Json = Run['input'];
/** The row of any table, by its name. */
export type Row<Table extends keyof Tables> = Tables[Table]['Row'];
