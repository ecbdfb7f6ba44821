// Adds a rule of flow control.
import {
  Alert,
  Button,
  Group,
  NativeSelect,
  NumberInput,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Modal } from '../../shared/dialogs.tsx';
import { describe } from '../../shared/errors.ts';
import { ask, useAction } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import type { Kind } from './flow-controls.ts';

interface Props {
  workflowId: string;
  /** Those that the workflow does not have yet. */
  kinds: readonly Kind[];
  onClose(): void;
}

export function FlowControlDialog({ workflowId, kinds, onClose }: Props) {
  const [chosen, setChosen] = useState(kinds[0]?.value ?? '');
  const [key, setKey] = useState('');
  const [numbers, setNumbers] = useState<Record<string, number | ''>>({});
  const kind = kinds.find(({ value }) => value === chosen);
  const add = useAction(
    () => {
      const given = (kind?.fields ?? []).flatMap(({ name }) => {
        const number = numbers[name];
        return number === undefined || number === '' ? [] : [[name, number] as const];
      });
      return ask(
        supabase
          .from('workflow_flow_controls')
          .insert({
            workflow_id: workflowId,
            kind: chosen,
            ...(key.trim() ? { key_path: key.trim() } : {}),
            ...Object.fromEntries(given),
          })
          .select('id')
          .single(),
      );
    },
    { isQuiet: true, changes: [['workflows']], success: 'The rule is added.', onSuccess: onClose },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    add.run();
  }
  return (
    <Modal opened onClose={onClose} title="Add a rule of flow control">
      <form onSubmit={submit}>
        <Stack>
          <NativeSelect
            label="Kind"
            {...(kind ? { description: kind.text } : {})}
            value={chosen}
            onChange={(event) => {
              setChosen(event.currentTarget.value);
              setNumbers({});
            }}
            data={kinds.map(({ value, label }) => ({ value, label }))}
          />
          {kind?.fields.map(({ name, label, isRequired }) => (
            <NumberInput
              key={name}
              label={label}
              required={isRequired}
              allowDecimal={false}
              value={numbers[name] ?? ''}
              onChange={(value) =>
                setNumbers({ ...numbers, [name]: typeof value === 'number' ? value : '' })
              }
            />
          ))}
          <TextInput
            label="Key"
            description="A path into the input, such as $.customer_id. Empty: one key for all runs."
            placeholder="$.customer_id"
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
          />
          {add.error && (
            <Alert color="red" role="alert">
              <Text c="var(--mantine-color-text)">{describe(add.error).text}</Text>
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={add.isRunning}>
              Add rule
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
