// A model changes the draft: the person describes the change, reads what it would be and what the checker finds in it, and
// applies it as one edit. The question is a test run of one step, so that its text streams and its cost is counted.
import { Alert, Button, Collapse, Group, Stack, Text, Textarea } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { type FormEvent, useState } from 'react';
import { askingDefinition, modelOf } from '../../settings/prompts/try-definition.ts';
import { ModelFields } from '../../settings/testing/ModelFields.tsx';
import { workflowNameOf } from '../../settings/testing/names.ts';
import { useTestRun } from '../../settings/testing/use-test-run.ts';
import { Drawer } from '../../shared/dialogs.tsx';
import { notify } from '../../shared/notify.ts';
import { ErrorState } from '../../shared/states.tsx';
import type { Fault } from '../draft/api.ts';
import { useEditor } from '../editor-context.tsx';
import type { Draft } from '../model/definition.ts';
import { mergeDrafts } from '../model/merge.ts';
import { Answer } from './Answer.tsx';
import { promptText, systemText } from './question.ts';

interface Props {
  /** What the person has described already. */
  wish: string;
  onClose(): void;
}

export default function AssistantDialog({ wish: first, onClose }: Props) {
  const { doc, workflow, types, select } = useEditor();
  const [wish, setWish] = useState(first);
  const [model, setModel] = useLocalStorage({
    key: 'stepbase-assistant-model',
    defaultValue: modelOf(),
  });
  const [isChoosing, setChoosing] = useState(false);
  /** The draft that the model got, to find what others change meanwhile. */
  const [base, setBase] = useState(doc.draft);
  const { runId, start } = useTestRun(workflowNameOf('assistant', workflow.kebab_name));
  const isReady = wish.trim() !== '' && model.model !== '';

  function askAbout(draft: Draft, faults: readonly Fault[]): void {
    if (faults.length === 0) setBase(draft);
    start.run({
      // The texts are read from the input: their braces are no templates of this step.
      definition: askingDefinition(
        { system: '{{ input.system }}', prompt: '{{ input.prompt }}' },
        model,
      ),
      input: {
        system: systemText([...types.values()]),
        prompt: promptText({ wish, draft, faults }),
      },
    });
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) askAbout(doc.draft, []);
  }

  function apply(proposed: Draft): void {
    const merged = mergeDrafts(base, doc.draft, proposed);
    doc.change(() => merged.draft);
    select({ steps: new Set(), edges: new Set() });
    notify.info(
      merged.conflicts.length === 0
        ? 'The draft is changed. Undo takes it back.'
        : `Another person changed ${merged.conflicts.join(', ')} meanwhile. These parts are theirs.`,
    );
    onClose();
  }

  return (
    <Drawer opened onClose={onClose} position="right" size="lg" title="Change with a model">
      <Stack>
        <form onSubmit={submit}>
          <Stack>
            <Textarea
              label="What should change?"
              description="The model reads the draft and the step types. It reads no data of runs."
              placeholder="Ask the finance role for an approval when the amount is above 500."
              autosize
              minRows={3}
              maxRows={12}
              maxLength={4_000}
              data-autofocus
              value={wish}
              onChange={(event) => setWish(event.currentTarget.value)}
            />
            <Collapse expanded={isChoosing}>
              <Stack>
                <ModelFields model={model} onChange={setModel} />
              </Stack>
            </Collapse>
            <Group justify="space-between">
              <Button
                variant="subtle"
                size="compact-sm"
                aria-expanded={isChoosing}
                onClick={() => setChoosing(!isChoosing)}
              >
                Model: {model.model || 'none'}
              </Button>
              <Button type="submit" disabled={!isReady} loading={start.isRunning}>
                Ask the model
              </Button>
            </Group>
          </Stack>
        </form>
        {start.error && <ErrorState error={start.error} />}
        {runId === undefined ? (
          <Alert color="gray" variant="light" p="xs">
            <Text size="sm" c="var(--mantine-color-text)">
              Nothing changes before you apply the answer. The call is counted in the budget of the
              application.
            </Text>
          </Alert>
        ) : (
          <Answer key={runId} runId={runId} before={base} onApply={apply} onFix={askAbout} />
        )}
      </Stack>
    </Drawer>
  );
}
