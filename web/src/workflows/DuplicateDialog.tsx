// Copies a workflow: its latest definition and input schema become the draft of a new one.
import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useGo } from '../shared/address.tsx';
import { Modal } from '../shared/dialogs.tsx';
import { describe } from '../shared/errors.ts';
import { ask, useAction } from '../shared/query.ts';
import { type Json, supabase } from '../shared/supabase.ts';
import { kebabOf } from './kebab.ts';
import { refuseTaken } from './taken.ts';

interface Props {
  workflow: { id: string; kebab_name: string; name: string };
  onClose(): void;
}

export function DuplicateDialog({ workflow, onClose }: Props) {
  const go = useGo();
  const [name, setName] = useState(`Copy of ${workflow.name}`);
  const [own, setOwn] = useState<string>();
  const kebab = own ?? kebabOf(name);
  const copy = useAction(
    async () => {
      await refuseTaken(kebab);
      const source = await ask(
        supabase
          .from('workflow_versions')
          .select('definition,input_schema,output_schema')
          .eq('workflow_id', workflow.id)
          .order('version', { ascending: false })
          .limit(1)
          .single(),
      );
      return ask(
        supabase.rpc('save_workflow', {
          kebab_name: kebab,
          name,
          definition: source.definition,
          ...(source.input_schema === null
            ? {}
            : { input_schema: source.input_schema as NonNullable<Json> }),
          ...(source.output_schema === null
            ? {}
            : { output_schema: source.output_schema as NonNullable<Json> }),
        }),
      );
    },
    {
      isQuiet: true,
      changes: [['workflows']],
      success: 'The copy is a draft. Publish it to start runs.',
      onSuccess: () => {
        onClose();
        go(`/workflows/${kebab}/edit`);
      },
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    copy.run();
  }
  return (
    <Modal opened onClose={onClose} title={`Duplicate ${workflow.name}`}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            required
            data-autofocus
          />
          <TextInput
            label="Name in addresses and code"
            description="Small letters, digits and hyphens. It never changes."
            value={kebab}
            onChange={(event) => setOwn(event.currentTarget.value)}
            pattern="[a-z0-9]+(-[a-z0-9]+)*"
            maxLength={100}
            required
          />
          {copy.error && (
            <Alert color="red" role="alert">
              <Text c="var(--mantine-color-text)">{describe(copy.error).text}</Text>
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={copy.isRunning}>
              Duplicate
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
