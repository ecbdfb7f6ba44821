// What a person can do with a version: publish the draft, restore an old definition as the draft, start or end a canary.
import { confirm } from '../../shared/confirm.tsx';
import { ask, useAction } from '../../shared/query.ts';
import { type Json, supabase, type Workflow } from '../../shared/supabase.ts';

export interface ListedVersion {
  id: string;
  version: number;
  status: string;
  change_note: string;
  steps_total: number;
  created_at: string;
  published_at: string | null;
  published_by: string | null;
  created_by: string | null;
}

const changes = [['workflows']] as const;

export function useVersionActions(workflow: Workflow) {
  const publish = useAction(
    (id: string) => ask(supabase.rpc('publish_workflow', { workflow_version_id: id })),
    { changes: [...changes], success: ({ version }) => `Version ${version} is published.` },
  );
  const restore = useAction(
    async (id: string) => {
      const source = await ask(
        supabase
          .from('workflow_versions')
          .select('definition,input_schema,output_schema')
          .eq('id', id)
          .single(),
      );
      return ask(
        supabase.rpc('save_workflow', {
          kebab_name: workflow.kebab_name,
          definition: source.definition,
          ...(source.input_schema === null
            ? {}
            : { input_schema: source.input_schema as NonNullable<Json> }),
          ...(source.output_schema === null
            ? {}
            : { output_schema: source.output_schema as NonNullable<Json> }),
        }),
      );
    },
    {
      changes: [...changes],
      success: ({ version }) => `Version ${version} is now the draft with this definition.`,
    },
  );

  async function askPublish({ id, version }: ListedVersion, current: number | undefined) {
    const answer = await confirm({
      title: `Publish version ${version}?`,
      text:
        current === undefined
          ? 'New runs use it. A published version never changes.'
          : `New runs use it instead of version ${current}. Open runs keep their version.`,
      action: 'Publish',
    });
    if (answer) publish.run(id);
  }

  async function askRestore({ id, version }: ListedVersion, hasDraft: boolean) {
    const answer = await confirm({
      title: `Restore version ${version} as the draft?`,
      text: hasDraft
        ? 'The definition of the present draft is replaced. Published versions do not change.'
        : 'A new draft begins with this definition. Nothing is published yet.',
      action: 'Restore',
      isDangerous: hasDraft,
    });
    if (answer) restore.run(id);
  }

  return { askPublish, askRestore, isBusy: publish.isRunning || restore.isRunning };
}
