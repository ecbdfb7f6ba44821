// The dialog that creates or changes a schedule. The input follows the input schema of the published version, or is JSON.
import { Button, Group, NativeSelect, NumberInput, Select, Stack, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { JsonEditor, parseJson } from '../shared/code/editors.tsx';
import { Modal } from '../shared/dialogs.tsx';
import { isFormable, SchemaForm } from '../shared/form/SchemaForm.tsx';
import { ask, useAction } from '../shared/query.ts';
import { ErrorState } from '../shared/states.tsx';
import { type Json, type Row, supabase } from '../shared/supabase.ts';
import { CronPreview } from './CronPreview.tsx';
import { timeZones } from './cron.ts';
import { useInputSchema, useWorkflows } from './use-workflows.ts';

type Schedule = Row<'workflow_schedules'>;

const POLICIES = [
  { value: 'allow', label: 'Start another run' },
  { value: 'skip', label: 'Skip this time' },
  { value: 'queue', label: 'Start when the open runs end' },
  { value: 'cancel_previous', label: 'Cancel the open runs' },
];

interface Props {
  /** The schedule to change; without it, a new one is created. */
  schedule?: Schedule;
  onClose(): void;
}

export function ScheduleForm({ schedule, onClose }: Props) {
  const { all, byId } = useWorkflows();
  const [workflowId, setWorkflowId] = useState(schedule?.workflow_id ?? null);
  const [name, setName] = useState(schedule?.name ?? '');
  const [cron, setCron] = useState(schedule?.cron_expression ?? '0 7 * * mon-fri');
  const [timezone, setTimezone] = useState(
    schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  );
  const [policy, setPolicy] = useState(schedule?.overlap_policy ?? 'allow');
  const [catchup, setCatchup] = useState<number | string>(
    schedule?.catchup_window_seconds ? schedule.catchup_window_seconds / 60 : '',
  );
  const [maxRuns, setMaxRuns] = useState<number | string>(schedule?.max_runs ?? '');
  const [input, setInput] = useState<Json>(schedule?.input ?? {});
  const [text, setText] = useState(() => JSON.stringify(schedule?.input ?? {}, null, 2));
  const [problem, setProblem] = useState<string>();
  const schema = useInputSchema(byId.get(workflowId ?? '')?.published_version_id);
  const hasForm = isFormable(schema);
  const zones = useMemo(() => [...new Set([timezone, ...timeZones()])], [timezone]);

  const save = useAction(
    (given: Json) => {
      const values = {
        name,
        cron_expression: cron.trim(),
        timezone,
        input: given as Record<string, Json>,
        overlap_policy: policy,
        catchup_window_seconds: catchup === '' ? null : Math.round(Number(catchup) * 60),
        max_runs: maxRuns === '' ? null : Number(maxRuns),
      };
      const table = supabase.from('workflow_schedules');
      return ask(
        (schedule
          ? table.update(values).eq('id', schedule.id)
          : table.insert({ ...values, workflow_id: workflowId ?? '' })
        )
          .select('id')
          .single(),
      );
    },
    {
      success: schedule ? 'The schedule is saved.' : 'The schedule is created.',
      changes: [['schedules']],
      isQuiet: true,
      onSuccess: onClose,
    },
  );

  function saveText(): void {
    let given: Json;
    try {
      given = parseJson(text);
    } catch (error) {
      setProblem(`The input is not JSON: ${(error as Error).message}`);
      return;
    }
    setProblem(undefined);
    save.run(given);
  }

  const buttons = (
    <Stack gap="sm" mt="md">
      {save.error && <ErrorState error={save.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        <Button
          type={hasForm ? 'submit' : 'button'}
          {...(hasForm ? {} : { onClick: saveText })}
          disabled={workflowId === null || cron.trim() === ''}
          loading={save.isRunning}
        >
          {schedule ? 'Save schedule' : 'Create schedule'}
        </Button>
      </Group>
    </Stack>
  );
  return (
    <Modal
      opened
      onClose={onClose}
      title={schedule ? 'Change the schedule' : 'New schedule'}
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        <Select
          label="Workflow"
          placeholder="Choose a workflow"
          data={(all ?? []).map((each) => ({ value: each.id, label: each.name }))}
          value={workflowId}
          onChange={setWorkflowId}
          disabled={schedule !== undefined}
          searchable
          allowDeselect={false}
        />
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Group grow align="flex-start" preventGrowOverflow={false}>
          <TextInput
            label="Cron expression"
            value={cron}
            onChange={(event) => setCron(event.currentTarget.value)}
            required
          />
          <Select
            label="Time zone"
            data={zones}
            value={timezone}
            onChange={(next) => next && setTimezone(next)}
            searchable
            limit={100}
            allowDeselect={false}
          />
        </Group>
        <CronPreview expression={cron.trim()} timezone={timezone} />
        <NativeSelect
          label="If a run of the schedule is still open"
          data={POLICIES}
          value={policy}
          onChange={(event) => setPolicy(event.currentTarget.value)}
        />
        <Group grow align="flex-start" preventGrowOverflow={false}>
          <NumberInput
            label="Catch up (minutes)"
            description="Missed times that are not older start a run each. Empty: one run for all."
            min={1}
            value={catchup}
            onChange={setCatchup}
          />
          <NumberInput
            label="Stop after (runs)"
            description="Empty: the schedule has no end."
            min={1}
            allowDecimal={false}
            value={maxRuns}
            onChange={setMaxRuns}
          />
        </Group>
        {hasForm && schema !== undefined ? (
          <SchemaForm
            key={workflowId}
            schema={schema}
            value={input}
            onChange={setInput}
            onSubmit={(given) => save.run(given)}
            idPrefix="schedule"
          >
            {buttons}
          </SchemaForm>
        ) : (
          <>
            <JsonEditor
              label="Input"
              value={text}
              onChange={setText}
              error={problem}
              minHeight={80}
            />
            {buttons}
          </>
        )}
      </Stack>
    </Modal>
  );
}
