// Whether the draft is saved, in words.
import { Button, Group, Text } from '@mantine/core';
import { describe } from '../shared/errors.ts';
import { useEditor } from './editor-context.tsx';

const TEXTS = {
  saved: 'Saved',
  unsaved: 'Not saved yet',
  saving: 'Saving…',
  refused: 'Not saved: mend the problems',
  failed: 'Not saved',
  conflict: 'Not saved: another person changed the same',
} as const;

export function SaveStatus() {
  const { doc, mayWrite } = useEditor();
  if (!mayWrite) {
    return (
      <Text size="sm" c="dimmed">
        You may look, but not change.
      </Text>
    );
  }
  const isBad = doc.save === 'refused' || doc.save === 'failed';
  return (
    <Group gap="xs">
      <Text
        size="sm"
        c={isBad ? 'var(--mantine-color-error)' : 'dimmed'}
        aria-live="polite"
        data-save={doc.save}
        title={doc.error ? describe(doc.error).text : ''}
      >
        {doc.version === undefined || doc.version.status === 'draft' || doc.save !== 'saved'
          ? TEXTS[doc.save]
          : `Version ${doc.version.version}, no changes`}
        {doc.save === 'failed' && doc.error ? `: ${describe(doc.error).text}` : ''}
      </Text>
      {doc.save === 'failed' && (
        <Button size="compact-xs" variant="default" onClick={() => void doc.saveNow()}>
          Try again
        </Button>
      )}
    </Group>
  );
}
