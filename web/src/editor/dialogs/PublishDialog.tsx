// Publishes the draft: what changes against the published version, what that means for clients, and a note. After a publish
// from the data of a failed run, it offers to continue that run on the new version.
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Modal } from '../../shared/dialogs.tsx';
import { describe } from '../../shared/errors.ts';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { LoadingState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import type { Version } from '../draft/api.ts';
import { draftOf } from '../draft/load.ts';
import { useEditor } from '../editor-context.tsx';
import { changesOf } from '../model/changes.ts';
import { EMPTY_DRAFT, isObject } from '../model/definition.ts';
import { ChangeList } from './ChangeList.tsx';

interface Props {
  onClose(): void;
  onPublished(version: Version): void;
}

/** What the database says about the input schema: a change can break clients. */
function verdictOf(diff: unknown): string | undefined {
  if (!isObject(diff) || !isObject(diff.input_schema)) return undefined;
  return diff.input_schema.verdict === 'breaking'
    ? 'The input schema refuses inputs that the published version accepts. Clients, schedules and triggers may have to change.'
    : undefined;
}

export function PublishDialog({ onClose, onPublished }: Props) {
  const { doc, workflow } = useEditor();
  const [note, setNote] = useState('');
  const errors = doc.faults.filter(({ severity }) => severity === 'error');
  const warnings = doc.faults.length - errors.length;
  const publishedId = workflow.published_version_id;
  const draftId = doc.version?.status === 'draft' ? doc.version.id : undefined;

  const before = useAppQuery(
    ['workflows', 'version', publishedId],
    (signal) =>
      ask(
        supabase
          .from('workflow_versions')
          .select('*')
          .eq('id', publishedId ?? '')
          .abortSignal(signal)
          .single(),
      ),
    { enabled: publishedId !== null },
  );
  const diff = useAppQuery(
    ['workflows', 'diff', publishedId, draftId, doc.version?.updated_at],
    (signal) =>
      ask(
        supabase
          .rpc('diff_versions', { a: publishedId ?? '', b: draftId ?? '' })
          .abortSignal(signal),
      ),
    { enabled: publishedId !== null && draftId !== undefined },
  );

  const publish = useAction(
    async () => {
      if (!(await doc.saveNow()))
        throw new Error('The draft could not be saved. Close this dialog to see why.');
      const { data } = await supabase
        .from('workflow_versions')
        .select('id')
        .eq('workflow_id', workflow.id)
        .eq('status', 'draft')
        .single();
      return ask(
        supabase.rpc('publish_workflow', {
          workflow_version_id: data?.id ?? draftId ?? '',
          change_note: note.trim(),
        }),
      );
    },
    {
      success: (version) => `Published version ${(version as Version).version}.`,
      changes: [['workflows']],
      onSuccess: (version) => onPublished(version as Version),
      isQuiet: true,
    },
  );

  function submit(event: FormEvent): void {
    event.preventDefault();
    publish.run();
  }

  const old = before.data === undefined ? EMPTY_DRAFT : draftOf(before.data);
  const changes = changesOf(old, doc.draft);
  const verdict = verdictOf(diff.data);

  return (
    <Modal opened onClose={onClose} title="Publish" size="lg">
      <form onSubmit={submit}>
        <Stack>
          {errors.length > 0 && (
            <Alert color="red" variant="light">
              <Text size="sm" c="var(--mantine-color-text)">
                The draft has {errors.length} {errors.length === 1 ? 'problem' : 'problems'}. Fix{' '}
                {errors.length === 1 ? 'it' : 'them'} before you publish.
              </Text>
            </Alert>
          )}
          {warnings > 0 && (
            <Text size="sm" c="dimmed">
              {warnings} {warnings === 1 ? 'warning does' : 'warnings do'} not prevent publishing.
            </Text>
          )}
          {before.isLoading ? (
            <LoadingState rows={3} height={24} />
          ) : (
            <ChangeList
              title={publishedId === null ? 'The first version' : 'Since the published version'}
              changes={changes}
            />
          )}
          {verdict !== undefined && (
            <Alert color="yellow" variant="light">
              <Text size="sm" c="var(--mantine-color-text)">
                {verdict}
              </Text>
            </Alert>
          )}
          <Textarea
            label="What changed"
            description="Shown in the list of versions."
            value={note}
            maxLength={1_000}
            autosize
            minRows={2}
            data-autofocus
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          {publish.error && (
            <Text size="sm" c="var(--mantine-color-error)" role="alert">
              {describe(publish.error).text}
            </Text>
          )}
          <Group justify="space-between">
            <Text size="sm" c="dimmed">
              Open runs keep their version.
            </Text>
            <Group gap="xs">
              <Button variant="default" onClick={onClose}>
                Keep editing
              </Button>
              <Button type="submit" disabled={errors.length > 0} loading={publish.isRunning}>
                Publish
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
