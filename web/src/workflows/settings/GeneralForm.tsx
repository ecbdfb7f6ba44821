// Name, description, tags, project, task queue and limits of a workflow.
import {
  Button,
  Group,
  NativeSelect,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useMay } from '../../shared/app.tsx';
import { ENGINES } from '../../shared/engines.ts';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { supabase, type Workflow } from '../../shared/supabase.ts';
import { columnsOf, type General, generalOf, problemsOf, UNITS, type Unit } from './general.ts';
import { ProjectSelect } from './ProjectSelect.tsx';

const numberOf = (value: string | number): number | '' => (typeof value === 'number' ? value : '');

export function GeneralForm({ workflow }: { workflow: Workflow }) {
  const [values, setValues] = useState<General>(() => generalOf(workflow));
  const set = (change: Partial<General>) => setValues((known) => ({ ...known, ...change }));
  const isReadOnly = !useMay('workflow:write');
  const problems = problemsOf(values);
  const isChanged = JSON.stringify(values) !== JSON.stringify(generalOf(workflow));
  const queues = useAppQuery(
    ['task_queues', 'names'],
    (signal) =>
      ask(
        supabase.from('task_queues').select('id,name').order('name').limit(200).abortSignal(signal),
      ),
    { enabled: useMay('queue:read') },
  );
  const save = useAction(
    () =>
      ask(
        supabase
          .from('workflows')
          .update(columnsOf(values))
          .eq('id', workflow.id)
          .select('id')
          .single(),
      ),
    { changes: [['workflows']], success: 'The settings are saved.' },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (Object.keys(problems).length === 0) save.run();
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Name"
          value={values.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          readOnly={isReadOnly}
          maxLength={200}
          error={problems.name}
        />
        <Textarea
          label="Description"
          description="What it does, for people who start it or search for it."
          autosize
          minRows={2}
          value={values.description}
          onChange={(event) => set({ description: event.currentTarget.value })}
          readOnly={isReadOnly}
        />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TagsInput
            label="Tags"
            description="Press Enter after each."
            value={values.tags}
            onChange={(tags) => set({ tags })}
            readOnly={isReadOnly}
          />
          <ProjectSelect
            value={values.projectId}
            onChange={(projectId) => set({ projectId })}
            isReadOnly={isReadOnly}
          />
          <Group align="flex-start" gap={8} wrap="nowrap">
            <NumberInput
              label="A run takes at most"
              description="Then it ends as timed out."
              min={1}
              allowDecimal={false}
              value={values.timeout}
              onChange={(value) => set({ timeout: numberOf(value) })}
              readOnly={isReadOnly}
              error={problems.timeout}
              style={{ flex: 1 }}
            />
            <NativeSelect
              aria-label="Unit of the time"
              mt={44}
              data={UNITS.map(({ value }) => value)}
              value={values.unit}
              onChange={(event) => set({ unit: event.currentTarget.value as Unit })}
              disabled={isReadOnly}
            />
          </Group>
          <NumberInput
            label="Runs at the same time"
            description="Further runs wait. Empty: no limit."
            min={1}
            allowDecimal={false}
            value={values.limit}
            onChange={(value) => set({ limit: numberOf(value) })}
            readOnly={isReadOnly}
          />
          <Select
            label="Task queue"
            description="Its limits apply to the runs."
            placeholder="default"
            data={(queues.data ?? []).map(({ id, name }) => ({ value: id, label: name }))}
            value={values.taskQueueId}
            onChange={(taskQueueId) => set({ taskQueueId })}
            readOnly={isReadOnly}
            clearable={!isReadOnly}
          />
          <Select
            label="Engine"
            description="What executes runs that start from now on."
            placeholder="that of the task queue"
            data={ENGINES}
            value={values.engine}
            onChange={(engine) => set({ engine })}
            readOnly={isReadOnly}
            clearable={!isReadOnly}
          />
          <TagsInput
            label="Searchable inputs"
            description="Up to 8 paths, such as order.id, that find runs."
            maxTags={8}
            value={values.searchable}
            onChange={(searchable) => set({ searchable })}
            readOnly={isReadOnly}
            error={problems.searchable}
          />
        </SimpleGrid>
        {!isReadOnly && (
          <Group justify="flex-end">
            <Button
              variant="default"
              disabled={!isChanged}
              onClick={() => setValues(generalOf(workflow))}
            >
              Discard
            </Button>
            <Button type="submit" disabled={!isChanged} loading={save.isRunning}>
              Save
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}
