// Loads what the editor begins with: the draft, or else the newest version, or the version of a run.
import { ask } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { asDefinition, type Draft, EMPTY_DRAFT, isObject } from '../model/definition.ts';
import { moveSteps } from '../model/edits.ts';
import { readDraft, type Version } from './api.ts';

export interface Loaded {
  draft: Draft;
  /** undefined: there is no draft yet. */
  etag: string | undefined;
  version: Version | undefined;
}

export const draftOf = ({
  definition,
  input_schema: input,
  output_schema: output,
}: Version): Draft => ({
  definition: asDefinition(definition),
  inputSchema: isObject(input) ? input : null,
  outputSchema: isObject(output) ? output : null,
});

/** A definition that was written by hand has no places: its steps are arranged, which is stored with the next edit. */
export async function placed(draft: Draft): Promise<Draft> {
  const { definition } = draft;
  const places = new Set(definition.nodes.map(({ position }) => `${position?.x} ${position?.y}`));
  const isPlaced = definition.nodes.every(({ position }) => position !== undefined);
  if (isPlaced && places.size === definition.nodes.length) return draft;
  const { arranged } = await import('../model/layout.ts');
  return moveSteps(draft, arranged(definition));
}

export const placedDraftOf = (version: Version): Promise<Draft> => placed(draftOf(version));

export async function loadDraft(
  { id, kebab_name: name }: { id: string; kebab_name: string },
  signal: AbortSignal,
): Promise<Loaded> {
  const found = await readDraft(name);
  if (found !== undefined)
    return { draft: await placedDraftOf(found.version), etag: found.etag, version: found.version };
  const [version] = await ask(
    supabase
      .from('workflow_versions')
      .select('*')
      .eq('workflow_id', id)
      .neq('status', 'draft')
      .order('version', { ascending: false })
      .limit(1)
      .abortSignal(signal),
  );
  if (version === undefined) return { draft: EMPTY_DRAFT, etag: undefined, version };
  return { draft: await placedDraftOf(version), etag: undefined, version };
}
