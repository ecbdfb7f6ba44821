// Downloads a version as a file that `stepbase push` and the import of a new workflow read: JSON, or TypeScript by the
// decompiler of the SDK, which is loaded for it.
import type { StoredWorkflow } from '../../../sdk/src/workflow/index.ts';
import { type Action, ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export interface Export {
  /** The kebab name. */
  workflow: string;
  /** The number; without it the published version, or else the latest. */
  version?: number;
  format: 'json' | 'ts';
}

async function readStored({ workflow, version }: Export): Promise<StoredWorkflow> {
  const found = await ask(
    supabase
      .from('workflows')
      .select('id,kebab_name,name,description,published_version_id,latest_version_id')
      .eq('kebab_name', workflow)
      .is('deleted_at', null)
      .single(),
  );
  const versions = supabase
    .from('workflow_versions')
    .select('definition,input_schema,output_schema')
    .eq('workflow_id', found.id);
  const stored = await ask(
    (version === undefined
      ? versions.eq('id', found.published_version_id ?? found.latest_version_id ?? '')
      : versions.eq('version', version)
    ).single(),
  );
  const { kebab_name, name, description } = found;
  return { kebab_name, name, description, ...stored } as unknown as StoredWorkflow;
}

function save(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

export function useExport(): Action<Export, void> {
  return useAction(async (wanted: Export) => {
    const stored = await readStored(wanted);
    const name = `${stored.kebab_name}.${wanted.format}`;
    if (wanted.format === 'json') {
      save(name, `${JSON.stringify(stored, null, 2)}\n`, 'application/json');
      return;
    }
    const { decompile } = await import('../../../sdk/src/workflow/decompile/decompile.ts');
    save(name, decompile(stored), 'text/plain');
  });
}
