// Loads what the editor begins with: the draft, or else the newest version, or the version of a run.
import { ask } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { asDefinition, type Draft, EMPTY, isObject } from '../model/definition.ts';
import { readDraft, type Version } from './api.ts';

export interface Loaded {
  draft: Draft;
  /** undefined: there is no draft yet. */
  etag: string | undefined;
  version: Version | undefined;
}

export const draftOf = ({ definition, input_schema: schema }: Version): Draft => ({
  definition: asDefinition(definition),
  inputSchema: isObject(schema) ? schema : null,
});

export async function loadDraft(
  {
    kebab_name: name,
    latest_version_id: latest,
  }: { kebab_name: string; latest_version_id: string | null },
  signal: AbortSignal,
): Promise<Loaded> {
  const found = await readDraft(name);
  if (found !== undefined)
    return { draft: draftOf(found.version), etag: found.etag, version: found.version };
  if (latest === null) {
    return { draft: { definition: EMPTY, inputSchema: null }, etag: undefined, version: undefined };
  }
  const version = await ask(
    supabase.from('workflow_versions').select('*').eq('id', latest).abortSignal(signal).single(),
  );
  return { draft: draftOf(version), etag: undefined, version };
}
