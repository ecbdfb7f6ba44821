// The Supabase client of the page, and row types derived from the generated database types.
import { createClient, type PostgrestError } from '@supabase/supabase-js';
import type { Database } from '../../types/database.ts';
import { exactFetch } from './exact-fetch.ts';
import { type BuildEnv, type Settings, settingsFromBuild } from './settings.ts';

declare global {
  interface ImportMetaEnv extends BuildEnv {}
  interface Window {
    __STEPBASE__?: Settings;
  }
}

const config = window.__STEPBASE__ ?? settingsFromBuild(import.meta.env);

export const supabase = createClient<Database, 'stepbase'>(config.api_url, config.publishable_key, {
  db: { schema: 'stepbase' },
  global: { fetch: exactFetch },
});

/** The address of the HTTP API, without its version. */
export const httpApiUrl = `${config.api_url}/functions/v1/stepbase-api`;

/** Posts to the HTTP API without a caller. Throws an error with the message of the problem. */
export async function callApi<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(`${httpApiUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', apikey: config.publishable_key },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as T & { detail?: string; title?: string };
  if (!response.ok) throw new Error(answer.detail ?? answer.title ?? response.statusText);
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

/** Messages for users, by error code. */
const TEXTS: Record<string, string> = {
  not_authenticated: 'Your session has ended. Sign in again.',
  permission_denied: 'Your role does not allow this action.',
  not_found: 'This object does not exist, or it belongs to another application.',
};

/** `texts`: messages by error code that fit the page better. A refusal that names its rule explains itself. */
export function explain(error: PostgrestError | Error, texts: Record<string, string> = {}): string {
  if (!('details' in error) || !error.details) return error.message;
  try {
    const {
      code = '',
      rule,
      errors,
    } = JSON.parse(error.details) as {
      code?: string;
      rule?: string;
      errors?: { path?: string; message?: string }[];
    };
    const listed = errors?.map((e) => `${e.path ?? ''} ${e.message ?? ''}`.trim()).join('; ');
    if (listed) return `${error.message}: ${listed}`;
    return texts[code] ?? (rule === undefined ? TEXTS[code] : undefined) ?? error.message;
  } catch {
    return error.message;
  }
}
