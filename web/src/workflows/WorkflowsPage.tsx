// The workflows of the application with their last results, by one RPC (list_workflows). Filters are in the address.
import { Button, Group } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useAddressParam, useGo, useHref } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { useCommands } from '../shared/commands.ts';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { rpcPage, useList } from '../shared/use-list.ts';
import { useRunsTopic } from '../shared/use-live.ts';
import { StartDialog } from '../start/StartDialog.tsx';
import { columns } from './columns.tsx';
import type { ListedWorkflow, WorkflowFacets } from './listed.ts';
import { WorkflowFilters } from './WorkflowFilters.tsx';

function useFilter() {
  const [text] = useAddressParam('text');
  const [status] = useAddressParam('status');
  const [tag] = useAddressParam('tag');
  const [project] = useAddressParam('project');
  const [sort = 'name'] = useAddressParam('sort');
  const filter = {
    ...(text ? { text } : {}),
    ...(status ? { status: [status] } : {}),
    ...(tag ? { tag: [tag] } : {}),
    ...(project ? { project } : {}),
  };
  return { filter, sort, isFiltered: Object.keys(filter).length > 0 };
}

export default function WorkflowsPage() {
  const { filter, sort, isFiltered } = useFilter();
  const [starting, setStarting] = useState<ListedWorkflow>();
  const mayWrite = useMay('workflow:write');
  const go = useGo();
  const href = useHref();
  const live = useRunsTopic();
  const list = useList<ListedWorkflow>({
    key: ['workflows', 'list', filter, sort],
    live,
    page: (cursor, signal) =>
      rpcPage(
        supabase
          .rpc('list_workflows', { filter, sort, ...(cursor === undefined ? {} : { cursor }) })
          .abortSignal(signal),
      ),
  });
  const facets = useAppQuery(
    ['workflows', 'facets', filter],
    async (signal) =>
      (await ask(
        supabase.rpc('list_workflows', { filter, page_size: 1 }).abortSignal(signal),
      )) as unknown as WorkflowFacets,
    { placeholderData: keepPreviousData },
  );
  const shown = useMemo(() => columns(setStarting), []);
  useCommands(
    mayWrite ? [{ id: 'new-workflow', label: 'New workflow', run: () => go('/new-workflow') }] : [],
    [mayWrite, go],
  );
  const create = mayWrite && (
    <Button component="a" href={href('/new-workflow')}>
      New workflow
    </Button>
  );

  return (
    <>
      <PageHeader title="Workflows" help="guides/write-a-workflow" actions={create} />
      <WorkflowFilters facets={facets.data} />
      <ListView
        list={list}
        label="Workflows"
        columns={shown}
        rowId={({ id }) => id}
        rowProps={({ kebab_name }) => ({ 'data-workflow': kebab_name })}
        rowHeight={62}
        empty={
          isFiltered ? (
            <EmptyState
              title="No workflow matches"
              action={
                <Button variant="default" onClick={() => go('/workflows')}>
                  Show all workflows
                </Button>
              }
            >
              Search for another word, or remove a filter.
            </EmptyState>
          ) : (
            <EmptyState title="No workflows yet" action={<Group>{create}</Group>}>
              A workflow is a graph of steps: begin with a template, an empty canvas, or code with
              the SDK.
            </EmptyState>
          )
        }
      />
      {starting && (
        <StartDialog
          workflow={starting.kebab_name}
          title={`Start ${starting.name}`}
          onClose={() => setStarting(undefined)}
        />
      )}
    </>
  );
}
