// Connects a step to another one without the canvas: the outcome and the target.
import { Autocomplete, Button, Group, Select, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Modal } from '../../shared/dialogs.tsx';
import { useEditor } from '../editor-context.tsx';
import { closesCycle, labelOf, stepOf } from '../model/definition.ts';
import { connect } from '../model/edits.ts';
import { handlesOf, possibleHandles } from '../model/handles.ts';

export function ConnectTo({ source, onClose }: { source: string; onClose(): void }) {
  const { doc, types } = useEditor();
  const { definition } = doc.draft;
  const step = stepOf(doc.draft, source);
  const type = step && types.get(step.type);
  const first = step ? handlesOf(step, definition, type)[0] : null;
  const [target, setTarget] = useState<string | null>(null);
  const [handle, setHandle] = useState(first ?? '');
  const targets = definition.nodes
    .filter(({ id }) => !closesCycle(definition, source, id))
    .map((node) => ({ value: node.id, label: labelOf(node) }));

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (target === null) return;
    doc.change((draft) =>
      connect(draft, { source, target, handle: handle === '' ? null : handle }),
    );
    onClose();
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={`Connect ${step ? labelOf(step) : source} to…`}
      size="sm"
    >
      <form onSubmit={submit}>
        <Stack>
          <Select
            label="Step"
            data={targets}
            value={target}
            onChange={setTarget}
            searchable
            data-autofocus
            nothingFoundMessage="No step can follow without a cycle."
          />
          <Autocomplete
            label="For the outcome"
            placeholder="completed"
            data={
              step ? possibleHandles(step, definition, type).filter((each) => each !== null) : []
            }
            value={handle}
            onChange={setHandle}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Keep as it is
            </Button>
            <Button type="submit" disabled={target === null}>
              Connect
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
