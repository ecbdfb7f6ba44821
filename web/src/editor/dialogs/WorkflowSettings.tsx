// Settings of the workflow beside its steps: the input schema (part of the draft), and its name, description, limits and
// tags, which apply at once.
import {
  Anchor,
  Button,
  Divider,
  Group,
  NumberInput,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useHref } from '../../shared/address.tsx';
import { Drawer } from '../../shared/dialogs.tsx';
import { docsUrl } from '../../shared/docs.ts';
import { describe } from '../../shared/errors.ts';
import { ask, useAction } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { useEditor } from '../editor-context.tsx';
import { durationText, parseDuration } from '../model/fields.ts';
import { InputSchema } from './InputSchema.tsx';

export function WorkflowSettings({ onClose }: { onClose(): void }) {
  const { doc, workflow, mayWrite } = useEditor();
  const href = useHref();
  const [name, setName] = useState(workflow.name);
  const [description, setDescription] = useState(workflow.description);
  const [timeout, setTimeoutText] = useState(
    durationText(workflow.execution_timeout_seconds * 1_000),
  );
  const [limit, setLimit] = useState<number | ''>(workflow.max_concurrent_executions ?? '');
  const [tags, setTags] = useState(workflow.tags);
  const [searchable, setSearchable] = useState(workflow.searchable_inputs);
  const ms = parseDuration(timeout);
  const ends = doc.draft.definition.nodes.filter(
    ({ id }) => !doc.draft.definition.edges.some(({ source }) => source === id),
  );

  const save = useAction(
    () =>
      ask(
        supabase
          .from('workflows')
          .update({
            name: name.trim(),
            description,
            execution_timeout_seconds: Math.round((ms ?? 0) / 1_000),
            max_concurrent_executions: limit === '' ? null : limit,
            tags,
            searchable_inputs: searchable,
          })
          .eq('id', workflow.id)
          .select('id')
          .single(),
      ),
    { success: 'Saved the settings.', changes: [['workflows']], isQuiet: true },
  );

  function submit(event: FormEvent): void {
    event.preventDefault();
    save.run();
  }

  return (
    <Drawer opened onClose={onClose} position="right" title="Workflow settings" size="lg">
      <Stack gap="lg">
        <InputSchema />
        <div>
          <Text size="sm" fw={600}>
            Output
          </Text>
          <Text size="sm" c="dimmed">
            The outputs of the steps without a following step:{' '}
            {ends.map(({ id }) => id).join(', ') || 'none yet'}.
          </Text>
        </div>
        <div>
          <Text size="sm" fw={600}>
            When a run fails
          </Text>
          <Text size="sm" c="dimmed">
            Draw an edge for the outcome error of a step to handle its failure, or let a workflow
            start after each failed run:{' '}
            <Anchor size="sm" underline="always" href={href('/events')}>
              triggers
            </Anchor>
            ,{' '}
            <Anchor
              size="sm"
              underline="always"
              href={docsUrl('guides/handle-failures')}
              target="_blank"
              rel="noreferrer"
            >
              handle failures
            </Anchor>
            .
          </Text>
        </div>
        <Divider />
        <form onSubmit={submit}>
          <fieldset disabled={!mayWrite} style={{ border: 0, padding: 0, margin: 0 }}>
            <Stack gap="sm">
              <Text size="sm" c="dimmed">
                These settings belong to the workflow and apply to all versions at once.
              </Text>
              <TextInput
                label="Name"
                required
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Textarea
                label="Description"
                autosize
                minRows={2}
                value={description}
                onChange={(event) => setDescription(event.currentTarget.value)}
              />
              <Group grow align="flex-start">
                <TextInput
                  label="Time limit of a run"
                  value={timeout}
                  error={
                    ms === undefined || ms < 1_000 ? 'Write a time such as 1h or 14d.' : undefined
                  }
                  onChange={(event) => setTimeoutText(event.currentTarget.value)}
                />
                <NumberInput
                  label="Runs at the same time"
                  placeholder="no limit"
                  min={1}
                  hideControls
                  value={limit}
                  onChange={(value) => setLimit(value === '' ? '' : Number(value))}
                />
              </Group>
              <TagsInput label="Tags" value={tags} onChange={setTags} />
              <TagsInput
                label="Searchable inputs"
                description="Up to 8 paths of the input, such as order.id, by whose values runs are found."
                maxTags={8}
                value={searchable}
                onChange={setSearchable}
              />
              {save.error && (
                <Text size="sm" c="var(--mantine-color-error)" role="alert">
                  {describe(save.error).text}
                </Text>
              )}
              {mayWrite && (
                <Group>
                  <Button
                    type="submit"
                    loading={save.isRunning}
                    disabled={ms === undefined || ms < 1_000}
                  >
                    Save settings
                  </Button>
                </Group>
              )}
            </Stack>
          </fieldset>
        </form>
      </Stack>
    </Drawer>
  );
}
