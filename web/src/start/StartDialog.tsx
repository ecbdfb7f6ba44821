// The start form in a dialog: `<StartDialog onClose={…} />` begins with the choice of a workflow, `workflow` fixes it.
import { Button, Stack } from '@mantine/core';
import { useState } from 'react';
import { useGo } from '../shared/address.tsx';
import { Modal } from '../shared/dialogs.tsx';
import type { Json } from '../shared/supabase.ts';
import { StartForm } from './StartForm.tsx';
import { WorkflowSelect } from './WorkflowSelect.tsx';

interface Props {
  onClose(): void;
  /** The kebab name; without it the person chooses. */
  workflow?: string;
  title?: string;
  input?: Json;
  version?: number;
}

export function StartDialog({ onClose, workflow, title = 'Start a run', input, version }: Props) {
  const go = useGo();
  const [chosen, setChosen] = useState(workflow);
  const close = (
    <Button variant="default" onClick={onClose}>
      Close
    </Button>
  );
  return (
    <Modal opened onClose={onClose} title={title} size="lg">
      <Stack>
        {workflow === undefined && <WorkflowSelect value={chosen} onChange={setChosen} />}
        {chosen !== undefined && (
          <StartForm
            key={chosen}
            workflow={chosen}
            {...(input === undefined ? {} : { input })}
            {...(version === undefined ? {} : { version })}
            onStarted={({ id }) => {
              onClose();
              go(`/runs/${id}`);
            }}
          >
            {close}
          </StartForm>
        )}
      </Stack>
    </Modal>
  );
}
