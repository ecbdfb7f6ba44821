// A version of a component: what it is, how its calls went, a test call, its versions and the workflows that use it.
import { Badge, Button, Group, Stack, Tabs, Text } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../../shared/address.tsx';
import { useApp } from '../../shared/app.tsx';
import { confirm } from '../../shared/confirm.tsx';
import { words } from '../../shared/format.ts';
import { ask, useAction } from '../../shared/query.ts';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { supabase } from '../../shared/supabase.ts';
import { Block } from '../parts.tsx';
import { showOnce } from '../shown-once.tsx';
import { nextVersion } from '../versions.ts';
import { ComponentForm } from './ComponentForm.tsx';
import { ComponentSchemas } from './ComponentSchemas.tsx';
import { type Component, type Draft, draftOf, updateOf } from './draft.ts';
import { healthInWords } from './health.ts';
import { useInsertComponent } from './NewComponent.tsx';
import { TestCall } from './TestCall.tsx';
import { UsedBy } from './UsedBy.tsx';
import { COMPONENT_CHANGES as CHANGES, useHealth } from './use-components.ts';
import { Versions } from './Versions.tsx';

interface Props {
  component: Component;
  versions: readonly Component[];
  onOpen(id: string | undefined): void;
}

export function ComponentView({ component, versions, onOpen }: Props) {
  const { code, permissions } = useApp();
  const health = useHealth();
  const [tab, setTab] = useState<string | null>('definition');
  const [isNewVersion, setNewVersion] = useState(false);
  const mayWrite = permissions.has('component:write') && component.app_code === code;
  const { id, name, version, implementation_type, is_active, deprecated } = component;
  const change = useAction(
    (values: Partial<Component>) =>
      ask(
        supabase
          .from('components')
          .update(values as never)
          .eq('id', id)
          .select('id')
          .single(),
      ),
    { success: 'The component is saved.', changes: CHANGES },
  );
  const insert = useInsertComponent((created) => onOpen(created));
  const rotate = useAction(
    async () =>
      (await ask(
        supabase.rpc('rotate_component_secret', { component_id: id, overlap_seconds: 86_400 }),
      )) as unknown as { secret: string },
    {
      changes: CHANGES,
      onSuccess: ({ secret }) =>
        showOnce(
          'The signing secret',
          secret,
          'Store the secret at the service now. It is shown only once.',
        ),
    },
  );
  async function askToRotate(): Promise<void> {
    const answer = await confirm({
      title: `Create a signing secret of ${name}?`,
      text: 'If the component has a secret, calls carry a signature by both for a day.',
      action: 'Create secret',
    });
    if (answer) rotate.run();
  }
  function save(draft: Draft): void {
    if (isNewVersion) insert.run(draft);
    else change.run(updateOf(draft) as Partial<Component>);
  }
  const saved = draftOf(component);
  const initial = isNewVersion
    ? { ...saved, version: nextVersion(versions[0]?.version ?? version) }
    : saved;
  return (
    <Stack gap="md">
      <AppLink to="/settings/components" size="sm">
        ← All components
      </AppLink>
      <Block
        title={isNewVersion ? `New version of ${name}` : `${name} ${version}`}
        text={
          <Group gap="xs">
            <StatusBadge name={is_active ? 'active' : 'inactive'} />
            {deprecated && <Badge variant="default">Deprecated</Badge>}
            <span>{words(implementation_type)}</span>
            <span>{healthInWords(health.data?.get(id))}</span>
          </Group>
        }
        actions={
          mayWrite &&
          !isNewVersion && (
            <>
              <Button
                variant="default"
                onClick={() => change.run({ is_active: !is_active })}
                loading={change.isRunning}
              >
                {is_active ? 'Turn off' : 'Turn on'}
              </Button>
              <Button variant="default" onClick={() => change.run({ deprecated: !deprecated })}>
                {deprecated ? 'Stop deprecating' : 'Deprecate'}
              </Button>
              {implementation_type !== 'user_task' && (
                <Button variant="default" onClick={() => void askToRotate()}>
                  Create a signing secret
                </Button>
              )}
              <Button
                onClick={() => {
                  setNewVersion(true);
                  setTab('definition');
                }}
              >
                New version
              </Button>
            </>
          )
        }
      >
        <Tabs
          value={tab}
          onChange={(next) => {
            setNewVersion(false);
            setTab(next);
          }}
          keepMounted={false}
        >
          <Tabs.List>
            <Tabs.Tab value="definition">Definition</Tabs.Tab>
            <Tabs.Tab value="test">Test call</Tabs.Tab>
            <Tabs.Tab value="versions">Versions</Tabs.Tab>
            <Tabs.Tab value="used">Used by</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="definition" pt="md">
            {mayWrite ? (
              <ComponentForm
                key={`${isNewVersion} ${component.updated_at}`}
                initial={initial}
                stage={isNewVersion ? 'version' : 'saved'}
                action={isNewVersion ? 'Create version' : 'Save'}
                isRunning={change.isRunning || insert.isRunning}
                error={isNewVersion ? insert.error : null}
                onSave={save}
              >
                {isNewVersion && (
                  <>
                    <Button variant="default" onClick={() => setNewVersion(false)}>
                      Cancel
                    </Button>
                    <Text size="sm" c="dimmed">
                      Workflows get it when they are published again.
                    </Text>
                  </>
                )}
              </ComponentForm>
            ) : (
              <ComponentSchemas component={component} />
            )}
          </Tabs.Panel>
          <Tabs.Panel value="test" pt="md">
            <TestCall component={component} versions={versions} />
          </Tabs.Panel>
          <Tabs.Panel value="versions" pt="md">
            <Versions versions={versions} current={id} health={health.data} onOpen={onOpen} />
          </Tabs.Panel>
          <Tabs.Panel value="used" pt="md">
            <UsedBy componentId={id} />
          </Tabs.Panel>
        </Tabs>
      </Block>
    </Stack>
  );
}
