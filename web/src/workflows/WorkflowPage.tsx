// One workflow, with tabs: overview, versions (and the comparison of two), settings.
import { Badge, Button, Group, Tabs, Text } from '@mantine/core';
import { IconPencil, IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { useAddressParam, useGo, useHref, usePathParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { useCommands } from '../shared/commands.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import type { Workflow } from '../shared/supabase.ts';
import { StartDialog } from '../start/StartDialog.tsx';
import { Overview } from './overview/Overview.tsx';
import { Settings } from './settings/Settings.tsx';
import { useWorkflow } from './use-workflow.ts';
import { CompareVersions } from './versions/CompareVersions.tsx';
import { Versions } from './versions/Versions.tsx';
import { WorkflowMenu } from './WorkflowMenu.tsx';

const TABS = [
  { value: 'overview', label: 'Overview' },
  { value: 'versions', label: 'Versions' },
  { value: 'settings', label: 'Settings' },
] as const;

function Head({ workflow }: { workflow: Workflow }) {
  const { name, kebab_name, status, tags } = workflow;
  const go = useGo();
  const href = useHref();
  const [isStarting, setStarting] = useState(false);
  const canStart = useMay('run:execute') && status === 'published';
  const mayWrite = useMay('workflow:write');
  const edit = `/workflows/${kebab_name}/edit`;
  useCommands(
    [
      ...(canStart
        ? [
            {
              id: 'start',
              label: `Start ${kebab_name}`,
              keywords: [name],
              run: () => setStarting(true),
            },
          ]
        : []),
      {
        id: 'edit',
        label: `${mayWrite ? 'Edit' : 'Show the definition of'} ${kebab_name}`,
        run: () => go(edit),
      },
    ],
    [canStart, mayWrite, kebab_name, go],
  );
  return (
    <>
      <PageHeader
        title={name}
        help="guides/versions"
        back={{ to: '/workflows', label: 'Workflows' }}
        actions={
          <>
            {canStart && (
              <Button
                leftSection={<IconPlayerPlay size={16} aria-hidden="true" />}
                onClick={() => setStarting(true)}
              >
                Start
              </Button>
            )}
            <Button
              variant="default"
              component="a"
              href={href(edit)}
              leftSection={<IconPencil size={16} aria-hidden="true" />}
            >
              {mayWrite ? 'Edit' : 'Definition'}
            </Button>
            <WorkflowMenu
              workflow={{ ...workflow, isPublished: workflow.published_version_id !== null }}
              onDeleted={() => go('/workflows')}
            />
          </>
        }
      >
        <Group gap="sm">
          <StatusBadge name={status} />
          <Text size="sm" c="dimmed" className="mono">
            {kebab_name}
          </Text>
          {tags.map((tag) => (
            <Badge key={tag} size="sm" variant="default" tt="none" fw={500}>
              {tag}
            </Badge>
          ))}
        </Group>
      </PageHeader>
      {isStarting && (
        <StartDialog
          workflow={kebab_name}
          title={`Start ${name}`}
          onClose={() => setStarting(false)}
        />
      )}
    </>
  );
}

/** The comparison that the address asks for, or the list. */
function VersionsTab({ workflow }: { workflow: Workflow }) {
  const [a] = useAddressParam('a');
  const [b] = useAddressParam('b');
  const isCompared = Number(a) > 0 && Number(b) > 0;
  return isCompared ? (
    <CompareVersions workflow={workflow} a={Number(a)} b={Number(b)} />
  ) : (
    <Versions workflow={workflow} />
  );
}

export default function WorkflowPage() {
  const { data: workflow, error, refetch } = useWorkflow();
  const tab = usePathParam('tab') || 'overview';
  const go = useGo();
  if (error || workflow === undefined) {
    return (
      <>
        <PageHeader
          title="Workflow"
          help="guides/versions"
          back={{ to: '/workflows', label: 'Workflows' }}
        />
        {error ? (
          <ErrorState
            error={error}
            retry={() => void refetch()}
            texts={{ not_found: 'This workflow does not exist, or it was deleted.' }}
          />
        ) : (
          <LoadingState />
        )}
      </>
    );
  }
  const base = `/workflows/${workflow.kebab_name}`;
  return (
    <>
      <Head workflow={workflow} />
      <Tabs
        value={tab}
        onChange={(next) => go(next === 'overview' ? base : `${base}/${next}`)}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {TABS.map(({ value, label }) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="overview">
          <Overview workflow={workflow} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <VersionsTab workflow={workflow} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <Settings workflow={workflow} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
