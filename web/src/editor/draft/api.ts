// The routes of the HTTP API for definitions, as the signed-in user. They check a definition completely, which the RPCs
// cannot: the checker parses expressions and code.

import type { Json } from '../../../../types/database.ts';
import { accessToken } from '../../shared/auth.ts';
import { watchedFetch } from '../../shared/contact.ts';
import { ApiError, sessionEnded } from '../../shared/errors.ts';
import { httpApiUrl, type Row, supabase } from '../../shared/supabase.ts';
import type { Draft } from '../model/definition.ts';

export interface Fault {
  node: string | null;
  pointer: string;
  code: string;
  message: string;
  hint?: string;
  severity: 'error' | 'warning';
}

export type Version = Row<'workflow_versions'>;

/** A refusal with the faults of the definition. */
export class RefusedError extends ApiError {
  readonly status: number;
  readonly faults: readonly Fault[];
  constructor(message: string, code: string | undefined, status: number, faults: readonly Fault[]) {
    super(message, code);
    this.status = status;
    this.faults = faults;
  }
}

interface Problem {
  detail?: string;
  title?: string;
  code?: string;
  errors?: Fault[];
}

async function send<T>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ data: T; etag: string }> {
  const token = await accessToken();
  if (token === null) throw sessionEnded();
  const response = await watchedFetch(`${httpApiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json().catch(() => ({}))) as T & Problem;
  if (!response.ok) {
    const text = answer.detail ?? answer.title ?? response.statusText;
    const faults = (answer.errors ?? []).map((fault) => ({
      ...fault,
      severity: fault.severity ?? 'error',
    }));
    throw new RefusedError(text, answer.code, response.status, faults);
  }
  return { data: answer, etag: response.headers.get('etag') ?? '' };
}

const route = (workflow: string) => `/v1/workflows/${encodeURIComponent(workflow)}/draft`;

/** undefined: the workflow has no draft. */
export async function readDraft(
  workflow: string,
): Promise<{ version: Version; etag: string } | undefined> {
  const { data, error } = await supabase
    .from('workflow_versions')
    .select('id, workflow:workflows!version_workflow_is_of_same_app!inner(kebab_name)')
    .eq('workflow.kebab_name', workflow)
    .eq('status', 'draft')
    .limit(1);
  if (error) throw error;
  if (data.length === 0) return undefined;
  const found = await send<Version>('GET', route(workflow));
  return { version: found.data, etag: found.etag };
}

/** Refused with `precondition_failed` if the draft has another ETag; undefined: if there is a draft. */
export async function saveDraft(
  workflow: string,
  { definition, inputSchema, outputSchema }: Draft,
  etag: string | undefined,
) {
  const { data, etag: next } = await send<{ version: Version; faults: Fault[] }>(
    'POST',
    route(workflow),
    { definition, input_schema: inputSchema, output_schema: outputSchema },
    etag === undefined ? { 'if-none-match': '*' } : { 'if-match': etag },
  );
  return { ...data, etag: next };
}

export async function validate(
  workflow: string,
  { definition, inputSchema }: Draft,
): Promise<Fault[]> {
  const { data } = await send<{ faults: Fault[] }>('POST', '/v1/workflows/validate', {
    definition: definition as Json,
    workflow,
    input_schema: inputSchema,
  });
  return data.faults;
}
