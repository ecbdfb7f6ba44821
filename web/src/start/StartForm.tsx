// The form that starts a run: the input by the input schema or as JSON, examples and recent inputs, options, and the same
// start as code. `<StartForm workflow="order-triage" onStarted={(run) => …} />`; `input` begins with the input of another
// run, `version` with another version.
import { Alert, Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react';
import { useMay } from '../shared/app.tsx';
import { JsonEditor, parseJson } from '../shared/code/editors.tsx';
import { describe } from '../shared/errors.ts';
import { isFormable, SchemaForm } from '../shared/form/SchemaForm.tsx';
import { ask, useAction } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { type Json, type Run, supabase } from '../shared/supabase.ts';
import { InputMenu } from './InputMenu.tsx';
import { firstInput } from './inputs.ts';
import { MoreOptions } from './MoreOptions.tsx';
import { argumentsOf, NO_OPTIONS } from './options.ts';
import { type Startable, useStartable } from './use-startable.ts';

const AsCode = lazy(() => import('./AsCode.tsx'));

interface Props {
  /** The kebab name. */
  workflow: string;
  onStarted(run: Run): void;
  /** Begins with this input instead of an example. */
  input?: Json;
  /** Begins with this version instead of the published one. */
  version?: number;
  /** Buttons beside "Start", such as "Close". */
  children?: ReactNode;
}

/** The page or dialog has a title of its own. */
function untitled(schema: Json): Json {
  if (typeof schema !== 'object' || Array.isArray(schema)) return schema;
  const { title: _title, ...rest } = schema;
  return rest;
}

type View = 'form' | 'json' | 'code';

const asText = (value: Json) => JSON.stringify(value, null, 2);

export function StartForm(props: Props) {
  const { workflow } = props;
  const startable = useStartable(workflow);
  if (startable.error) {
    return <ErrorState error={startable.error} retry={() => void startable.refetch()} />;
  }
  if (startable.data === undefined) return <LoadingState rows={4} height={56} />;
  return <Loaded key={workflow} {...props} startable={startable.data} />;
}

/** Why no run can be started now, or undefined. */
function obstacleOf({ status, name, versions }: Startable): string | undefined {
  if (status === 'draft' || versions.length === 0) {
    return `${name} has no published version yet. Publish its draft, then start it.`;
  }
  if (status === 'paused') return `${name} is paused: it starts no runs until a person resumes it.`;
  if (status === 'archived') return `${name} is archived. Restore it to start runs.`;
  return undefined;
}

function Loaded({
  startable,
  workflow,
  onStarted,
  children,
  ...given
}: Props & { startable: Startable }) {
  const { versions, published_version_id } = startable;
  const published = versions.find(({ id }) => id === published_version_id)?.version;
  const [options, setOptions] = useState({ ...NO_OPTIONS, version: given.version ?? null });
  const used = options.version ?? published;
  const schema = versions.find(({ version }) => version === used)?.input_schema ?? null;
  // The form compares its schema by identity.
  const shownSchema = useMemo(() => (schema === null ? null : untitled(schema)), [schema]);
  const hasForm = isFormable(schema ?? undefined);

  const [value, setValue] = useState<Json>(() => given.input ?? firstInput(schema));
  /** The text of the JSON view; it is the input while that view is shown. */
  const [text, setText] = useState(() => asText(value));
  const [chosen, setChosen] = useState<View>('form');
  const view = chosen === 'form' && !hasForm ? 'json' : chosen;
  const [problem, setProblem] = useState<string>();
  const obstacle = obstacleOf(startable);
  const mayStart = useMay('run:execute');

  const start = useAction(
    async (input: Json) =>
      (await ask(
        supabase.rpc('start_run', { workflow, input, ...argumentsOf(options) }),
      )) as unknown as Run,
    { isQuiet: true, changes: [['runs'], ['workflows']], onSuccess: onStarted },
  );
  const refusal = useMemo(() => (start.error ? describe(start.error) : undefined), [start.error]);
  const isInForm = view === 'form' && (refusal?.fields.length ?? 0) > 0;

  function pick(input: Json): void {
    setValue(input);
    setText(asText(input));
    setProblem(undefined);
    start.reset();
  }

  /** Keeps the input when the view changes; a text that is not JSON stays in its view. */
  function show(next: View): void {
    if (view === 'json') {
      try {
        setValue(JSON.parse(text) as Json);
      } catch (error) {
        setProblem(`The input is not JSON: ${(error as Error).message}`);
        return;
      }
    } else if (view === 'form') setText(asText(value));
    setProblem(undefined);
    setChosen(next);
  }

  function submitText(): void {
    let input: Json;
    try {
      input = parseJson(text);
    } catch (error) {
      setProblem(`The input is not JSON: ${(error as Error).message}`);
      return;
    }
    setProblem(undefined);
    start.run(input);
  }

  const buttons = (
    <Stack gap="sm" mt="md">
      <MoreOptions
        options={options}
        onChange={setOptions}
        versions={versions.map(({ version }) => version)}
        published={published}
      />
      {refusal && (
        <Alert color="red" role="alert">
          <Text c="var(--mantine-color-text)">
            {isInForm ? 'The server refuses this input. See the marked fields.' : refusal.text}
          </Text>
          {refusal.code && (
            <Text size="sm" c="dimmed">
              Code: {refusal.code}
            </Text>
          )}
        </Alert>
      )}
      <Group justify="flex-end">
        {children}
        {mayStart && obstacle === undefined && (
          <Button
            type={view === 'form' ? 'submit' : 'button'}
            {...(view === 'form' ? {} : { onClick: submitText })}
            loading={start.isRunning}
          >
            {options.startAt ? 'Start later' : 'Start'}
          </Button>
        )}
      </Group>
    </Stack>
  );

  const views: { value: View; label: string }[] = [
    ...(hasForm ? [{ value: 'form' as const, label: 'Form' }] : []),
    { value: 'json', label: 'JSON' },
    { value: 'code', label: 'As code' },
  ];
  return (
    <Stack gap="sm">
      {obstacle && (
        <Alert color="yellow">
          <Text c="var(--mantine-color-text)">{obstacle}</Text>
        </Alert>
      )}
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label="View of the input"
          value={view}
          onChange={(next) => show(next as View)}
          data={views}
        />
        <InputMenu workflowId={startable.id} schema={schema} onPick={pick} />
      </Group>
      {view === 'form' && shownSchema !== null && (
        <SchemaForm
          schema={shownSchema}
          value={value}
          onChange={setValue}
          onSubmit={(input) => start.run(input)}
          idPrefix="start"
          errors={refusal?.fields ?? []}
        >
          {buttons}
        </SchemaForm>
      )}
      {view === 'json' && (
        <>
          <JsonEditor
            label="Input (JSON)"
            value={text}
            onChange={setText}
            {...(problem === undefined ? {} : { error: problem })}
            minHeight={160}
          />
          {buttons}
        </>
      )}
      {view === 'code' && (
        <Suspense fallback={<LoadingState rows={4} />}>
          <AsCode workflow={workflow} input={text} options={argumentsOf(options)} />
          {buttons}
        </Suspense>
      )}
    </Stack>
  );
}
