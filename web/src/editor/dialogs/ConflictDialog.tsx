// Two persons changed the same steps: shows what they changed, and asks which draft stays.
import { Button, Group, Stack, Text } from '@mantine/core';
import { Modal } from '../../shared/dialogs.tsx';
import classes from '../editor.module.css';
import { useEditor } from '../editor-context.tsx';
import { changesOf } from '../model/changes.ts';
import { ChangeList } from './ChangeList.tsx';

export function ConflictDialog() {
  const { doc } = useEditor();
  const { conflict } = doc;
  if (conflict === undefined) return null;
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title="Another person saved this draft"
      size="lg"
    >
      <Stack>
        <Text size="sm">
          Both of you changed {conflict.parts.slice(0, 5).join(', ')}
          {conflict.parts.length > 5 ? ` and ${conflict.parts.length - 5} more` : ''}. Choose the
          draft that stays. The other one is not lost: undo brings yours back, and theirs is in its
          window.
        </Text>
        <div className={classes.sides}>
          <ChangeList
            title="From theirs to yours"
            changes={changesOf(conflict.theirs.draft, doc.draft)}
          />
        </div>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => doc.resolve('theirs')}>
            Take theirs
          </Button>
          <Button onClick={() => doc.resolve('mine')}>Keep mine</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
