// The bar above the canvas: views, edits, the run whose data is shown, and the state of saving.
import { ActionIcon, Button, Group, SegmentedControl, Tooltip } from '@mantine/core';
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconArrowForwardUp,
  IconKeyboard,
  IconLayoutGrid,
  IconPlus,
  IconSettings,
  IconSparkles,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useMayTest } from '../settings/testing/use-test-run.ts';
import type { EditorCommands } from './commands.ts';
import classes from './editor.module.css';
import { useEditor } from './editor-context.tsx';
import { SaveStatus } from './SaveStatus.tsx';
import type { OpenDialog } from './use-commands.ts';

export type View = 'canvas' | 'list' | 'json' | 'code';

const VIEWS: readonly { value: View; label: string }[] = [
  { value: 'canvas', label: 'Canvas' },
  { value: 'list', label: 'List' },
  { value: 'json', label: 'JSON' },
  { value: 'code', label: 'TypeScript' },
];

interface Props {
  view: View;
  onView(view: View): void;
  commands: EditorCommands;
  onDialog(dialog: OpenDialog): void;
  problems: { isShown: boolean; toggle(): void };
  picker: ReactNode;
}

function Tool(props: { label: string; icon: ReactNode; isDisabled?: boolean; onClick(): void }) {
  return (
    <Tooltip label={props.label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="md"
        aria-label={props.label}
        disabled={props.isDisabled ?? false}
        onClick={props.onClick}
      >
        {props.icon}
      </ActionIcon>
    </Tooltip>
  );
}

export function Toolbar({ view, onView, commands, onDialog, problems, picker }: Props) {
  const { doc, selection, mayWrite } = useEditor();
  const mayAsk = useMayTest();
  const [first] = selection.steps;
  const errors = doc.faults.filter(({ severity }) => severity === 'error').length;
  const warnings = doc.faults.length - errors;
  return (
    <div className={classes.toolbar} role="toolbar" aria-label="Editor">
      <SegmentedControl
        size="xs"
        aria-label="View"
        data={[...VIEWS]}
        value={view}
        onChange={(next) => onView(next as View)}
      />
      {mayWrite && (
        <Group gap={2} wrap="nowrap">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden="true" />}
            onClick={() => commands.addAfter(first)}
          >
            Add step
          </Button>
          <Tool
            label="Undo"
            isDisabled={!doc.canUndo}
            icon={<IconArrowBackUp size={17} aria-hidden="true" />}
            onClick={doc.undo}
          />
          <Tool
            label="Redo"
            isDisabled={!doc.canRedo}
            icon={<IconArrowForwardUp size={17} aria-hidden="true" />}
            onClick={doc.redo}
          />
          <Tool
            label="Arrange the steps"
            icon={<IconLayoutGrid size={17} aria-hidden="true" />}
            onClick={commands.arrange}
          />
          {mayAsk && (
            <Tool
              label="Change with a model"
              icon={<IconSparkles size={17} aria-hidden="true" />}
              onClick={() => onDialog({ kind: 'assistant' })}
            />
          )}
        </Group>
      )}
      <Group gap={2} wrap="nowrap">
        <Tool
          label="Workflow settings"
          icon={<IconSettings size={17} aria-hidden="true" />}
          onClick={() => onDialog({ kind: 'settings' })}
        />
        <Tool
          label="Keys of the editor"
          icon={<IconKeyboard size={17} aria-hidden="true" />}
          onClick={() => onDialog({ kind: 'keys' })}
        />
      </Group>
      {picker}
      <Group gap="sm" ml="auto">
        {doc.faults.length > 0 && (
          <Button
            size="compact-sm"
            variant="subtle"
            color={errors > 0 ? 'red' : 'yellow'}
            c={errors > 0 ? 'var(--sb-danger)' : 'var(--sb-waiting)'}
            leftSection={<IconAlertTriangle size={15} aria-hidden="true" />}
            aria-expanded={problems.isShown}
            onClick={problems.toggle}
          >
            {errors > 0
              ? `${errors} ${errors === 1 ? 'problem' : 'problems'}`
              : `${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`}
          </Button>
        )}
        <SaveStatus />
      </Group>
    </div>
  );
}
