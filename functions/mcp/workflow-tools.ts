// Workflows as tools: a published workflow whose metadata has `"mcp": true`. The input of the tool is the input of the
// run.
import type { Query } from '../_shared/db/pool.ts';
import { MAX_WAIT_SECONDS, type Tool } from './tools.ts';

const PREFIX = 'run-';
/** Clients accept names of up to 64 characters. */
const MAX_NAME = 64 - PREFIX.length;
const MAX_TOOLS = 100;

interface OfferedWorkflow {
  kebab_name: string;
  name: string;
  description: string;
  input_schema: Record<string, unknown> | null;
}

/** The offered workflows of the caller's application. */
async function offered(query: Query): Promise<OfferedWorkflow[]> {
  return await query<OfferedWorkflow>(
    `select w.kebab_name, w.name, w.description, v.input_schema
     from stepbase.workflows w
     join stepbase.workflow_versions v on v.id = w.published_version_id
     where w.app_code = (select stepbase_private.app_code())
       and w.metadata @> '{"mcp": true}' and w.deleted_at is null and w.status = 'published'
       and length(w.kebab_name) <= $1
     order by w.kebab_name
     limit ${MAX_TOOLS}`,
    [MAX_NAME],
  );
}

/** The workflow that a tool starts; undefined if the name is that of another tool. */
export function workflowOf(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}

export async function isOffered(query: Query, workflow: string): Promise<boolean> {
  return (await offered(query)).some(({ kebab_name }) => kebab_name === workflow);
}

export async function workflowTools(query: Query): Promise<Tool[]> {
  return (await offered(query)).map(({ kebab_name, name, description, input_schema }) => ({
    name: `${PREFIX}${kebab_name}`,
    title: name,
    description: `${description === '' ? name : description}\n\nStarts a run and waits up to ${MAX_WAIT_SECONDS} seconds for its end. If it has not ended then, use watch_run with the run_id.`,
    inputSchema: { ...(input_schema?.type === 'object' ? input_schema : {}), type: 'object' },
    annotations: { readOnlyHint: false, destructiveHint: false },
  }));
}
