// A new workflow: empty, from a template, from a description that a model turns into steps, or from JSON.
import {
  Anchor,
  Button,
  FileButton,
  Group,
  SimpleGrid,
  Stack,
  Tabs,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Json } from '../../../../types/database.ts';
import { useMayTest } from '../../settings/testing/use-test-run.ts';
import { useGo } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { docsUrl } from '../../shared/docs.ts';
import { describe } from '../../shared/errors.ts';
import { PageHeader } from '../../shared/PageHeader.tsx';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { EmptyState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { refuseTaken } from '../../workflows/taken.ts';
import classes from '../editor.module.css';
import { EMPTY_DRAFT } from '../model/definition.ts';
import { importWorkflow, kebabOf, type NewWorkflow } from './import.ts';

const BLANK: NewWorkflow = {
  name: '',
  kebabName: '',
  description: '',
  ...EMPTY_DRAFT,
};

function Templates({
  chosen,
  onChoose,
}: {
  chosen: string | undefined;
  onChoose(template: NewWorkflow): void;
}) {
  const templates = useAppQuery(
    ['templates'],
    async () => (await import('./templates.json')).default.map(importWorkflow),
    { staleTime: Number.POSITIVE_INFINITY },
  );
  return (
    <div className={classes.templates} role="radiogroup" aria-label="Template">
      {(templates.data ?? []).map((template) => (
        // biome-ignore lint/a11y/useSemanticElements: a card with two lines
        <button
          key={template.kebabName}
          type="button"
          role="radio"
          aria-checked={chosen === template.kebabName}
          className={classes.template}
          onClick={() => onChoose(template)}
        >
          <Text fw={600}>{template.name}</Text>
          <Text size="sm" c="dimmed" mb={6}>
            {template.description}
          </Text>
          <Text size="xs" c="dimmed">
            {template.definition.nodes.map(({ type }) => type.replaceAll('_', ' ')).join(' → ')}
          </Text>
        </button>
      ))}
    </div>
  );
}

function Import({ onImport }: { onImport(workflow: NewWorkflow): void }) {
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  function change(next: string): void {
    setText(next);
    if (next.trim() === '') {
      setFault(undefined);
      return;
    }
    try {
      onImport(importWorkflow(parseJson(next)));
      setFault(undefined);
    } catch (error) {
      setFault((error as Error).message);
    }
  }
  return (
    <Stack gap="xs">
      <JsonEditor
        label="Workflow as JSON"
        description="A definition with nodes and edges, or an exported workflow."
        value={text}
        onChange={change}
        error={fault}
        minHeight={220}
      />
      <Group>
        <FileButton
          accept="application/json,.json"
          onChange={(file) => void file?.text().then(change)}
        >
          {(props) => (
            <Button size="xs" variant="default" {...props}>
              Choose a file
            </Button>
          )}
        </FileButton>
        <Text size="sm" c="dimmed">
          A workflow in TypeScript is pushed by the command line:{' '}
          <Anchor
            size="sm"
            underline="always"
            href={docsUrl('guides/workflows-in-code')}
            target="_blank"
            rel="noreferrer"
          >
            workflows in code
          </Anchor>
          .
        </Text>
      </Group>
    </Stack>
  );
}

export default function NewWorkflowPage() {
  const mayWrite = useMay('workflow:write');
  const go = useGo();
  const [from, setFrom] = useState<string | null>('blank');
  const [base, setBase] = useState(BLANK);
  const [name, setName] = useState('');
  const [kebab, setKebab] = useState<string>();
  const [wish, setWish] = useState('');
  const mayAsk = useMayTest();
  const kebabName = kebab ?? kebabOf(name);

  const create = useAction(
    async () => {
      await refuseTaken(kebabName);
      return ask(
        supabase.rpc('save_workflow', {
          kebab_name: kebabName,
          name: name.trim(),
          description: base.description,
          definition: base.definition as Json,
          ...(base.inputSchema === null ? {} : { input_schema: base.inputSchema as Json }),
          ...(base.outputSchema === null ? {} : { output_schema: base.outputSchema as Json }),
        }),
      );
    },
    {
      changes: [['workflows']],
      onSuccess: () =>
        go(
          `/workflows/${kebabName}/edit${from === 'description' ? `?ask=${encodeURIComponent(wish.trim())}` : ''}`,
        ),
      isQuiet: true,
    },
  );

  function choose(workflow: NewWorkflow): void {
    setBase(workflow);
    if (workflow.name) setName(workflow.name);
    setKebab(workflow.kebabName || undefined);
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    create.run();
  }

  const isValid = name.trim() !== '' && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(kebabName);
  const isChosen =
    from === 'blank' || (from === 'description' ? wish.trim() !== '' : base !== BLANK);
  return (
    <>
      <PageHeader
        title="New workflow"
        help="guides/write-a-workflow"
        back={{ to: '/workflows', label: 'Workflows' }}
      />
      {!mayWrite ? (
        <EmptyState title="Your role may not create workflows">
          Ask an admin of the application.
        </EmptyState>
      ) : (
        <form onSubmit={submit} style={{ maxWidth: 860 }}>
          <Tabs
            value={from}
            keepMounted={false}
            onChange={(next) => {
              setFrom(next);
              setBase(BLANK);
            }}
          >
            <Tabs.List mb="md">
              <Tabs.Tab value="blank">Empty</Tabs.Tab>
              <Tabs.Tab value="template">From a template</Tabs.Tab>
              {mayAsk && <Tabs.Tab value="description">From a description</Tabs.Tab>}
              <Tabs.Tab value="import">From JSON</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="blank">
              <Text size="sm" c="dimmed">
                Begin with an empty canvas.
              </Text>
            </Tabs.Panel>
            <Tabs.Panel value="template">
              <Templates chosen={base === BLANK ? undefined : base.kebabName} onChoose={choose} />
            </Tabs.Panel>
            <Tabs.Panel value="description">
              <Textarea
                label="What should the workflow do?"
                description="The editor opens with the question to a model. Nothing is published."
                placeholder="When an order arrives, look it up in the shop, and ask for an approval above 500."
                autosize
                minRows={3}
                maxRows={12}
                maxLength={4_000}
                value={wish}
                onChange={(event) => setWish(event.currentTarget.value)}
              />
            </Tabs.Panel>
            <Tabs.Panel value="import">
              <Import onImport={choose} />
            </Tabs.Panel>
          </Tabs>
          <SimpleGrid mt="lg" cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Name"
              description="People see it."
              required
              withAsterisk={false}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <TextInput
              label="Name for clients"
              description="Clients start it by this name, which never changes."
              value={kebabName}
              error={
                kebabName !== '' && !isValid && name !== ''
                  ? 'Lower-case words, joined by hyphens.'
                  : undefined
              }
              onChange={(event) => setKebab(event.currentTarget.value)}
            />
          </SimpleGrid>
          {create.error && (
            <Text mt="sm" size="sm" c="var(--mantine-color-error)" role="alert">
              {describe(create.error).text}
            </Text>
          )}
          <Group mt="lg">
            <Button type="submit" disabled={!isValid || !isChosen} loading={create.isRunning}>
              Create workflow
            </Button>
          </Group>
        </form>
      )}
    </>
  );
}
