// A secret value that the server returns only once: `showOnce(title, value, text)` opens a dialog until the person has
// stored it. `<ShownOnce />` is the place of the dialog, once on the page of the settings.
import { ActionIcon, Alert, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useSyncExternalStore } from 'react';
import { Modal } from '../shared/dialogs.tsx';

interface Shown {
  title: string;
  value: string;
  text: string;
}

let shown: Shown | undefined;
const listeners = new Set<() => void>();

function set(next: Shown | undefined): void {
  shown = next;
  for (const listener of listeners) listener();
}

export function showOnce(title: string, value: string, text: string): void {
  set({ title, value, text });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function ShownOnce() {
  const open = useSyncExternalStore(subscribe, () => shown);
  if (open === undefined) return null;
  return (
    <Modal opened title={open.title} closeOnClickOutside={false} onClose={() => set(undefined)}>
      <Stack>
        <Alert color="yellow" variant="light">
          <Text c="var(--mantine-color-text)">{open.text}</Text>
        </Alert>
        <Group wrap="nowrap" align="flex-start">
          <Code block flex={1} style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
            {open.value}
          </Code>
          <CopyButton value={open.value}>
            {({ copied, copy }) => (
              <ActionIcon variant="default" size="lg" aria-label="Copy" onClick={copy}>
                {copied ? (
                  <IconCheck size={18} aria-hidden="true" />
                ) : (
                  <IconCopy size={18} aria-hidden="true" />
                )}
              </ActionIcon>
            )}
          </CopyButton>
        </Group>
        <Group justify="flex-end">
          <Button onClick={() => set(undefined)}>I have stored it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
