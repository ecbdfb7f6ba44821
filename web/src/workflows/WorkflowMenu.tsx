// The further actions of a workflow, behind three dots: duplicate, export, pause, archive, delete.
import { ActionIcon, Menu } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { useState } from 'react';
import { useGo } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { DuplicateDialog } from './DuplicateDialog.tsx';
import { useExport } from './export.ts';
import { type ChangedWorkflow, useWorkflowActions } from './use-workflow-actions.ts';

interface Props {
  workflow: ChangedWorkflow;
  /** After it was deleted. */
  onDeleted?: () => void;
}

export function WorkflowMenu({ workflow, onDeleted }: Props) {
  const go = useGo();
  const mayWrite = useMay('workflow:write');
  const [isDuplicating, setDuplicating] = useState(false);
  const actions = useWorkflowActions(workflow, onDeleted);
  const download = useExport();
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            c="var(--mantine-color-text)"
            size="lg"
            aria-label={`More actions for ${workflow.name}`}
          >
            <IconDots size={18} aria-hidden="true" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => go(`/workflows/${workflow.kebab_name}/versions`)}>
            Versions
          </Menu.Item>
          {mayWrite && <Menu.Item onClick={() => setDuplicating(true)}>Duplicate</Menu.Item>}
          <Menu.Item
            onClick={() => download.run({ workflow: workflow.kebab_name, format: 'json' })}
          >
            Export as JSON
          </Menu.Item>
          <Menu.Item onClick={() => download.run({ workflow: workflow.kebab_name, format: 'ts' })}>
            Export as TypeScript
          </Menu.Item>
          {actions.length > 0 && <Menu.Divider />}
          {actions.map(({ id, label, isDangerous, run }) => (
            <Menu.Item
              key={id}
              onClick={run}
              {...(isDangerous ? { c: 'var(--mantine-color-error)' } : {})}
            >
              {label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {isDuplicating && (
        <DuplicateDialog workflow={workflow} onClose={() => setDuplicating(false)} />
      )}
    </>
  );
}
