// The workflows of the database: the draft of each, or its published version.
import type { Server } from '../server.ts';
import { segment } from '../server.ts';
import type { Described } from './content.ts';

export interface StoredWorkflow extends Described {
  version: number;
  isDraft: boolean;
  /** No run can be started. */
  isArchived: boolean;
  /** Identifies the state of the draft. */
  etag: string | undefined;
}

export interface WorkflowRow {
  id: string;
  kebab_name: string;
  name: string;
  description: string | null;
  status: string;
  published_version_id: string | null;
}

export interface VersionRow {
  id: string;
  version: number;
  status: string;
  definition: Described['definition'];
  input_schema: object | null;
  output_schema: object | null;
  updated_at: string;
}

/** Which version: the draft if there is one, or only the published one. */
export type Which = 'newest' | 'published';

const pathOf = (name: string): string => `/v1/workflows/${segment(name)}`;

export const listWorkflows = (server: Server): Promise<WorkflowRow[]> =>
  server.list<WorkflowRow>('/v1/workflows', { sort: 'kebab_name' });

export const findWorkflow = async (
  server: Server,
  name: string,
): Promise<WorkflowRow | undefined> => (await server.find<WorkflowRow>(pathOf(name)))?.body;

export async function publishedVersion(
  server: Server,
  { kebab_name: name, published_version_id: id }: WorkflowRow,
): Promise<VersionRow | undefined> {
  if (id === null) return undefined;
  const path = `${pathOf(name)}/versions`;
  const versions = await server.list<VersionRow>(path, { status: 'published' });
  const found = versions.find((one) => one.id === id);
  return found === undefined ? undefined : await server.get(`${path}/${found.version}`);
}

export async function readStored(
  server: Server,
  row: WorkflowRow,
  which: Which,
): Promise<StoredWorkflow | undefined> {
  const draft =
    which === 'newest'
      ? await server.find<VersionRow>(`${pathOf(row.kebab_name)}/draft`)
      : undefined;
  const version = draft?.body ?? (await publishedVersion(server, row));
  if (version === undefined) return undefined;
  return {
    kebab_name: row.kebab_name,
    name: row.name,
    description: row.description ?? '',
    definition: version.definition,
    input_schema: version.input_schema,
    output_schema: version.output_schema,
    version: version.version,
    isDraft: draft !== undefined,
    isArchived: row.status === 'archived',
    etag: draft?.etag,
  };
}

export interface Fault {
  node: string | null;
  pointer: string;
  code: string;
  message: string;
  hint?: string;
  severity: 'error' | 'warning';
}

export interface Checked {
  version: VersionRow;
  faults: Fault[];
}

export async function checkStored(server: Server, workflow: Described): Promise<Fault[]> {
  const { kebab_name, definition, input_schema } = workflow;
  const body = { workflow: kebab_name, definition, input_schema };
  return (await server.post<{ faults: Fault[] }>('/v1/workflows/validate', body)).body.faults;
}

/** Only over the draft that has the ETag; undefined: only if there is none. */
export const saveDraft = (server: Server, workflow: Described, etag: string | undefined) =>
  server.post<Checked>(
    `${pathOf(workflow.kebab_name)}/draft`,
    {
      definition: workflow.definition,
      name: workflow.name,
      description: workflow.description,
      input_schema: workflow.input_schema,
      output_schema: workflow.output_schema,
    },
    etag === undefined ? { 'if-none-match': '*' } : { 'if-match': etag },
  );

/** Publishes the draft if it still has the etag. */
export async function publishDraft(
  server: Server,
  name: string,
  etag: string | undefined,
  skipUnchanged = false,
): Promise<Checked> {
  const body = { skip_unchanged: skipUnchanged };
  const headers = etag === undefined ? {} : { 'if-match': etag };
  return (await server.post<Checked>(`${pathOf(name)}/publish`, body, headers)).body;
}
