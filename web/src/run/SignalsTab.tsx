// Signals into the run and queries of it: a form from the declared schema of a signal, the signals that arrived, and the
// answers of the queries.
import { Button, Group, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { hasEnded } from '../../../sdk/src/live/index.ts';
import { useMay } from '../shared/app.tsx';
import { JsonEditor, parseJson } from '../shared/code/editors.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { isFormable, SchemaForm } from '../shared/form/SchemaForm.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { ListView } from '../shared/ListView.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState } from '../shared/states.tsx';
import { type Json, type Row, type Run, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import type { RunStep } from '../shared/use-run.ts';
import { usePerson } from './people.ts';
import classes from './run.module.css';

type Signal = Row<'run_signals'>;

const BUILT_IN = [
  { name: 'status', description: 'The status of the run.' },
  { name: 'context', description: 'The results of the steps.' },
  { name: 'steps', description: 'The status of each step.' },
];

function Sender({ signal }: { signal: Signal }) {
  return <>{usePerson(signal.sent_by) ?? (signal.sent_by === null ? 'a machine or step' : '')}</>;
}

const COLUMNS: Column<Signal>[] = [
  {
    id: 'name',
    header: 'Signal',
    cell: ({ signal_name }) => <span className="mono">{signal_name}</span>,
  },
  {
    id: 'payload',
    header: 'Payload',
    width: '40%',
    cell: ({ payload, signal_name }) => (
      <JsonView label={`Payload of ${signal_name}`} value={payload} depth={0} />
    ),
  },
  { id: 'by', header: 'By', hideBelow: 'md', cell: (signal) => <Sender signal={signal} /> },
  { id: 'at', header: 'Arrived', cell: ({ created_at }) => <RelativeTime at={created_at} /> },
  {
    id: 'read',
    header: 'Read by a step',
    cell: ({ consumed_at }) =>
      consumed_at === null ? 'not yet' : <RelativeTime at={consumed_at} />,
  },
];

interface SendProps {
  run: Run;
  /** Names that steps wait for now. */
  awaited: string[];
}

function SendSignal({ run, awaited }: SendProps) {
  const [name, setName] = useState<string | null>(awaited[0] ?? null);
  const [other, setOther] = useState('');
  const [value, setValue] = useState<Json>({});
  const [text, setText] = useState('{}');
  const [problem, setProblem] = useState<string>();
  const declared = useAppQuery(['workflows', run.workflow_id, 'signals'], (signal) =>
    ask(
      supabase
        .from('workflow_signals')
        .select('signal_name,description,parameters')
        .eq('workflow_id', run.workflow_id)
        .order('signal_name')
        .abortSignal(signal),
    ),
  );
  const names = [
    ...new Set([...awaited, ...(declared.data ?? []).map(({ signal_name }) => signal_name)]),
  ];
  const found = declared.data?.find(({ signal_name }) => signal_name === name);
  const schema = found?.parameters ?? null;
  const isForm = isFormable(schema ?? undefined);
  const signalName = name ?? other.trim();
  const send = useAction(
    async (payload: Json) =>
      ask(supabase.rpc('send_signal', { run_id: run.id, signal_name: signalName, payload })),
    { success: `The signal ${signalName} was sent.`, changes: [['run-signals', run.id]] },
  );

  function submit(event: FormEvent): void {
    event.preventDefault();
    setProblem(undefined);
    try {
      send.run(parseJson(text));
    } catch (error) {
      setProblem(`This is not JSON: ${(error as Error).message}`);
    }
  }

  const button = (
    <Group mt="sm">
      <Button type="submit" loading={send.isRunning} disabled={signalName === ''}>
        Send signal
      </Button>
    </Group>
  );
  return (
    <Stack gap="xs">
      <Group align="flex-end">
        <Select
          label="Signal"
          placeholder="Another name"
          data={names.map((each) => ({
            value: each,
            label: awaited.includes(each) ? `${each} (awaited)` : each,
          }))}
          value={name}
          onChange={setName}
          clearable
        />
        {name === null && (
          <TextInput
            label="Name of the signal"
            value={other}
            maxLength={100}
            onChange={(event) => setOther(event.currentTarget.value)}
          />
        )}
      </Group>
      {found?.description && (
        <Text size="sm" c="dimmed">
          {found.description}
        </Text>
      )}
      {isForm && schema !== null ? (
        <SchemaForm
          key={name}
          schema={schema}
          value={value}
          onChange={setValue}
          onSubmit={(payload) => send.run(payload)}
          idPrefix="signal"
        >
          {button}
        </SchemaForm>
      ) : (
        <form onSubmit={submit}>
          <JsonEditor
            label="Payload"
            value={text}
            onChange={setText}
            minHeight={90}
            {...(problem ? { error: problem } : {})}
          />
          {button}
        </form>
      )}
    </Stack>
  );
}

function Queries({ run }: { run: Run }) {
  const [name, setName] = useState('status');
  const declared = useAppQuery(['workflows', run.workflow_id, 'queries'], (signal) =>
    ask(
      supabase
        .from('workflow_queries')
        .select('query_name,description')
        .eq('workflow_id', run.workflow_id)
        .order('query_name')
        .abortSignal(signal),
    ),
  );
  const answer = useAction(
    async (queryName: string) =>
      ask(supabase.rpc('query_run', { run_id: run.id, query_name: queryName })),
    { isQuiet: true },
  );
  const [shown, setShown] = useState<{ name: string; value: unknown }>();
  const queries = [
    ...BUILT_IN,
    ...(declared.data ?? []).map(({ query_name, description }) => ({
      name: query_name,
      description,
    })),
  ];
  return (
    <Stack gap="xs">
      <Group align="flex-end">
        <Select
          label="Query"
          data={queries.map((query) => query.name)}
          value={name}
          onChange={(value) => setName(value ?? 'status')}
          allowDeselect={false}
        />
        <Button
          variant="default"
          loading={answer.isRunning}
          onClick={() => {
            void answer.runAsync(name).then(
              (value) => setShown({ name, value }),
              () => setShown(undefined),
            );
          }}
        >
          Ask
        </Button>
      </Group>
      <Text size="sm" c="dimmed">
        {queries.find((query) => query.name === name)?.description}
      </Text>
      {answer.error && <ErrorState error={answer.error} />}
      {shown && <JsonView label={`Answer of ${shown.name}`} value={shown.value} />}
    </Stack>
  );
}

export default function SignalsTab({ run, steps }: { run: Run; steps: RunStep[] }) {
  const maySend = useMay('run:execute');
  const list = useList<Signal>({
    key: ['run-signals', run.id],
    live: `stepbase:run:${run.id}`,
    page: (cursor, signal) =>
      keysetPage<Signal>(
        supabase.from('run_signals').select('*').eq('run_id', run.id).abortSignal(signal),
        cursor,
        { columns: ['created_at', 'id'] },
      ),
  });
  const awaited = steps.flatMap(({ status, signal_name }) =>
    status === 'waiting' && signal_name !== null ? [signal_name] : [],
  );
  return (
    <Stack>
      <div className={classes.pair}>
        <Stack gap="xs">
          <Title order={2} size="h5">
            Send a signal
          </Title>
          {hasEnded(run.status) ? (
            <Text c="dimmed" size="sm">
              The run has ended and takes no signal.
            </Text>
          ) : maySend ? (
            <SendSignal key={awaited.join()} run={run} awaited={awaited} />
          ) : (
            <Text c="dimmed" size="sm">
              Your role may not send signals.
            </Text>
          )}
        </Stack>
        <Stack gap="xs">
          <Title order={2} size="h5">
            Query the run
          </Title>
          <Queries run={run} />
        </Stack>
      </div>
      <Title order={2} size="h5">
        Signals that arrived
      </Title>
      <ListView
        list={list}
        label="Signals"
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowProps={({ signal_name }) => ({ 'data-signal': signal_name })}
        empty={<EmptyState title="No signal has arrived" />}
      />
    </Stack>
  );
}
