// The dialog that starts a run: a published workflow and its input as JSON.
import { Alert, Button, Group, Modal, NativeSelect, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { exampleOf } from '../../../functions/_shared/expressions/schema-example.ts';
import { parseJsonToPassOn } from '../../../functions/_shared/text/json-numbers.ts';
import { useGo } from '../shared/address.tsx';
import { useAppCode } from '../shared/app.tsx';
import { explain } from '../shared/errors.ts';
import { readAll } from '../shared/read-all.ts';
import { type Json, supabase } from '../shared/supabase.ts';

interface Choice {
  kebab_name: string;
  name: string;
  published_version_id: string | null;
}

interface Props {
  onClose(): void;
}

/** The example of the schema, or a template of the input: one empty value per declared property. */
function draftFor(schema: Json | null): string {
  const example = exampleOf(schema);
  if (example !== undefined) return JSON.stringify(example, null, 2);
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) return '{}';
  const properties = schema.properties;
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties))
    return '{}';
  const draft = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const type =
        typeof property === 'object' && property !== null && !Array.isArray(property)
          ? property.type
          : undefined;
      return [name, type === 'number' || type === 'integer' ? 0 : type === 'boolean' ? false : ''];
    }),
  );
  return JSON.stringify(draft, null, 2);
}

export function StartRun({ onClose }: Props) {
  const appCode = useAppCode();
  const go = useGo();
  const [choices, setChoices] = useState<Choice[]>();
  const [chosen, setChosen] = useState('');
  const [input, setInput] = useState('{}');
  /** The template of the input must not replace what the person has written. */
  const isEdited = useRef(false);
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  useEffect(() => {
    readAll<Choice>(
      (from, to) =>
        supabase
          .from('workflows')
          .select('kebab_name,name,published_version_id')
          .eq('app_code', appCode)
          .eq('status', 'published')
          .is('deleted_at', null)
          .order('name')
          .order('kebab_name')
          .range(from, to),
      (workflow) => workflow.kebab_name,
    ).then(
      (found) => {
        setChoices(found);
        setChosen(found[0]?.kebab_name ?? '');
      },
      (error) => setProblem(explain(error)),
    );
  }, [appCode]);

  const version = choices?.find(({ kebab_name }) => kebab_name === chosen)?.published_version_id;
  useEffect(() => {
    if (!version) return;
    let isCurrent = true;
    void supabase
      .from('workflow_versions')
      .select('input_schema')
      .eq('id', version)
      .single()
      .then(({ data, error }) => {
        if (!isCurrent) return;
        if (error) setProblem(explain(error));
        else if (!isEdited.current) setInput(draftFor(data.input_schema));
      });
    return () => {
      isCurrent = false;
    };
  }, [version]);

  function choose(name: string): void {
    isEdited.current = false;
    setInput('{}');
    setChosen(name);
  }

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    let parsed: Json;
    try {
      parsed = parseJsonToPassOn(input) as Json;
    } catch (error) {
      setProblem(`The input is not JSON: ${(error as Error).message}`);
      return;
    }
    setBusy(true);
    const { data, error } = await supabase.rpc('start_run', { workflow: chosen, input: parsed });
    setBusy(false);
    if (error) setProblem(explain(error));
    else {
      onClose();
      go(`/runs/${data.id}`);
    }
  }

  return (
    <Modal opened onClose={onClose} title="Start a run" size="lg">
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <NativeSelect
            label="Workflow"
            value={chosen}
            onChange={(event) => choose(event.currentTarget.value)}
            data={(choices ?? []).map(({ kebab_name, name }) => ({
              value: kebab_name,
              label: name,
            }))}
            required
            withAsterisk={false}
          />
          {choices?.length === 0 && (
            <Text c="dimmed">There is no published workflow in this application.</Text>
          )}
          <Textarea
            label="Input (JSON)"
            classNames={{ input: 'mono' }}
            rows={9}
            spellCheck={false}
            value={input}
            onChange={(event) => {
              isEdited.current = true;
              setInput(event.currentTarget.value);
            }}
          />
          {problem && (
            <Alert color="red" role="alert">
              <Text c="var(--mantine-color-text)">{problem}</Text>
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={isBusy} disabled={chosen === ''}>
              Start
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
