// The menu of the saved views: chooses, saves and deletes them. Views.tsx loads it with the first click.
import { ActionIcon, Button, Group, Menu } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconBookmark, IconTrash } from '@tabler/icons-react';
import { lazy, Suspense } from 'react';
import { useApp, useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { type Row, supabase } from '../shared/supabase.ts';
import { valuesOf } from './filter.ts';
import type { Saved } from './SaveView.tsx';
import type { RunFilter } from './use-run-filter.ts';

type View = Row<'run_views'>;
const VIEWS = ['run_views'] as const;

const SaveView = lazy(() => import('./SaveView.tsx'));

export default function ViewsMenu({ filter }: { filter: RunFilter }) {
  const { userId } = useApp();
  const mayShare = useMay('run:execute');
  const [isSaving, saving] = useDisclosure();
  const { data = [] } = useAppQuery(VIEWS, (signal) =>
    ask(supabase.from('run_views').select('*').order('name').limit(200).abortSignal(signal)),
  );
  const save = useAction(
    ({ name, isShared }: Saved) =>
      ask(
        supabase
          .from('run_views')
          .insert({ name, is_shared: isShared, filter: filter.values })
          .select()
          .single(),
      ),
    { success: ({ name }) => `Saved the view ${name}.`, changes: [VIEWS] },
  );
  const remove = useAction(
    (view: View) => ask(supabase.from('run_views').delete().eq('id', view.id).select().single()),
    { success: ({ name }) => `Deleted the view ${name}.`, changes: [VIEWS] },
  );

  async function askToRemove(view: View): Promise<void> {
    const answer = await confirm({
      title: `Delete the view ${view.name}?`,
      text: view.is_shared ? 'All members lose it.' : 'The runs stay.',
      action: 'Delete view',
      isDangerous: true,
    });
    if (answer) remove.run(view);
  }

  const groups = [
    { label: 'Shared', views: data.filter(({ is_shared }) => is_shared) },
    { label: 'Mine', views: data.filter(({ is_shared }) => !is_shared) },
  ].filter(({ views }) => views.length > 0);
  const mayDelete = (view: View) => (view.is_shared ? mayShare : view.created_by === userId);
  const hasFilter = Object.keys(filter.values).length > 0;
  return (
    <>
      <Menu defaultOpened position="bottom-start" width={280}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={16} aria-hidden="true" />}>
            Views
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {groups.map(({ label, views }) => (
            <div key={label}>
              <Menu.Label>{label}</Menu.Label>
              {views.map((view) => (
                <Group key={view.id} gap={0} wrap="nowrap">
                  <Menu.Item
                    onClick={() => filter.replace(valuesOf(view.filter as Record<string, unknown>))}
                  >
                    {view.name}
                  </Menu.Item>
                  {mayDelete(view) && (
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      aria-label={`Delete the view ${view.name}`}
                      onClick={() => void askToRemove(view)}
                    >
                      <IconTrash size={16} aria-hidden="true" />
                    </ActionIcon>
                  )}
                </Group>
              ))}
            </div>
          ))}
          {groups.length > 0 && <Menu.Divider />}
          <Menu.Item disabled={!hasFilter} onClick={saving.open}>
            {hasFilter ? 'Save this view' : 'Set a filter to save it as a view'}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {isSaving && (
        <Suspense>
          <SaveView
            mayShare={mayShare}
            onClose={saving.close}
            onSave={(view) => {
              saving.close();
              save.run(view);
            }}
          />
        </Suspense>
      )}
    </>
  );
}
