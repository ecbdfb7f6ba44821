// Asks for the name of a saved view, and whether all members see it.
import { Button, Checkbox, Group, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Modal } from '../shared/dialogs.tsx';

export interface Saved {
  name: string;
  isShared: boolean;
}

interface Props {
  mayShare: boolean;
  onSave(view: Saved): void;
  onClose(): void;
}

export default function SaveView({ mayShare, onSave, onClose }: Props) {
  const [name, setName] = useState('');
  const [isShared, setShared] = useState(false);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (name.trim()) onSave({ name: name.trim(), isShared });
  }
  return (
    <Modal opened onClose={onClose} title="Save this view">
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Name"
            maxLength={80}
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {mayShare && (
            <Checkbox
              label="Share with all members of the application"
              checked={isShared}
              onChange={(event) => setShared(event.currentTarget.checked)}
            />
          )}
          <Group justify="flex-end">
            <Button type="submit" disabled={!name.trim()}>
              Save view
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
