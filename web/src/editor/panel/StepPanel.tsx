// The panel of a step: its config, how it runs (retries, time limits, failures, joins, compensation), and its data.
import {
  ActionIcon,
  Alert,
  Anchor,
  Group,
  Menu,
  Stack,
  Tabs,
  Text,
  TextInput,
} from '@mantine/core';
import { IconDots, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { docsUrl } from '../../shared/docs.ts';
import { StepIcon } from '../../shared/StepIcon.tsx';
import type { EditorCommands } from '../commands.ts';
import classes from '../editor.module.css';
import { useEditor } from '../editor-context.tsx';
import { configOf, labelOf, type Step } from '../model/definition.ts';
import { changeConfig, changeData, renameStep } from '../model/edits.ts';
import { BehaviourForm } from './BehaviourForm.tsx';
import { ConfigForm } from './ConfigForm.tsx';
import { StepData } from './StepData.tsx';

function IdField({ step }: { step: Step }) {
  const { doc, open, mayWrite } = useEditor();
  const [text, setText] = useState(step.id);
  const isTaken = text !== step.id && doc.draft.definition.nodes.some(({ id }) => id === text);
  const isValid = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(text);
  const error = isTaken
    ? 'Another step has this id.'
    : isValid
      ? undefined
      : 'A letter, then letters, digits, _ or -, at most 63.';
  function commit(): void {
    if (error !== undefined || text === step.id) return;
    doc.change((draft) => renameStep(draft, step.id, text));
    open(text);
  }
  return (
    <TextInput
      label="Id"
      description="Expressions name the step by it. A change rewrites them."
      value={text}
      error={error}
      disabled={!mayWrite}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  );
}

export function StepPanel({ step, commands }: { step: Step; commands: EditorCommands }) {
  const { doc, types, faultsOf, select, mayWrite } = useEditor();
  const type = types.get(step.type);
  const faults = faultsOf.get(step.id) ?? [];
  const close = () => select({ steps: new Set(), edges: new Set() });

  return (
    <section aria-label={`Step ${labelOf(step)}`}>
      <div className={classes.panelHead}>
        <Group justify="space-between" wrap="nowrap" gap="xs" align="flex-start">
          <Group gap={10} wrap="nowrap" miw={0} className={classes.cardHead ?? ''} p={0}>
            <StepIcon icon={type?.icon ?? ''} color={type?.color ?? 'currentColor'} />
            <div style={{ minWidth: 0 }}>
              <Text fw={600} truncate>
                {labelOf(step)}
              </Text>
              <Text size="xs" c="dimmed">
                {type?.label ?? step.type} ·{' '}
                <Anchor
                  size="xs"
                  href={docsUrl(`reference/step-types`)}
                  target="_blank"
                  rel="noreferrer"
                  underline="always"
                >
                  about this type
                </Anchor>
              </Text>
            </div>
          </Group>
          <Group gap={2} wrap="nowrap">
            {mayWrite && (
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon variant="subtle" color="gray" aria-label="Actions of the step">
                    <IconDots size={18} aria-hidden="true" />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => commands.addAfter(step.id)}>Add a step after</Menu.Item>
                  <Menu.Item onClick={() => commands.connectTo(step.id)}>Connect to…</Menu.Item>
                  <Menu.Item onClick={() => commands.duplicate([step.id])}>Duplicate</Menu.Item>
                  <Menu.Item onClick={() => commands.copy()}>Copy as JSON</Menu.Item>
                  <Menu.Item onClick={() => commands.remove([step.id])}>Delete</Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
            <ActionIcon variant="subtle" color="gray" aria-label="Close the panel" onClick={close}>
              <IconX size={18} aria-hidden="true" />
            </ActionIcon>
          </Group>
        </Group>
      </div>
      <div className={classes.panelBody}>
        {type === undefined && (
          <Alert color="red" variant="light" mb="sm">
            <Text size="sm" c="var(--mantine-color-text)">
              This application has no step type {step.type}. Edit it in the JSON view.
            </Text>
          </Alert>
        )}
        <Tabs defaultValue="config" keepMounted={false}>
          <Tabs.List mb="sm">
            <Tabs.Tab value="config">Config</Tabs.Tab>
            <Tabs.Tab value="behaviour">Behaviour</Tabs.Tab>
            <Tabs.Tab value="data">Data and test</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="config">
            <Stack gap="sm">
              <TextInput
                label="Name"
                placeholder={step.id}
                value={typeof step.data?.label === 'string' ? step.data.label : ''}
                disabled={!mayWrite}
                onChange={(event) => {
                  const label = event.currentTarget.value || undefined;
                  doc.change((draft) => changeData(draft, step.id, { label }), `label ${step.id}`);
                }}
              />
              {type !== undefined && (
                <ConfigForm
                  step={step}
                  type={type}
                  config={configOf(step)}
                  faults={faults}
                  place={['data', 'config']}
                  onChange={(key, value) =>
                    doc.change(
                      (draft) => changeConfig(draft, step.id, key, value),
                      `config ${step.id} ${key}`,
                    )
                  }
                />
              )}
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="behaviour">
            <Stack gap="sm">
              <IdField key={step.id} step={step} />
              <BehaviourForm step={step} type={type} />
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="data">
            <StepData key={step.id} step={step} />
          </Tabs.Panel>
        </Tabs>
      </div>
    </section>
  );
}
