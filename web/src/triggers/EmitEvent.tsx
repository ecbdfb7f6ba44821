// The dialog that emits an event of the application.
import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { FormModal } from '../settings/parts.tsx';
import { JsonEditor, parseJson } from '../shared/code/editors.tsx';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export function EmitEvent({ onClose }: { onClose(): void }) {
  const [name, setName] = useState('');
  const [payload, setPayload] = useState('{}');
  const [problem, setProblem] = useState<string>();
  const emit = useAction(
    (value: ReturnType<typeof parseJson>) =>
      ask(supabase.rpc('emit_event', { name: name.trim(), payload: value })),
    {
      success: 'The event is emitted.',
      changes: [['events'], ['triggers'], ['runs']],
      isQuiet: true,
      onSuccess: onClose,
    },
  );
  function submit(): void {
    let value: ReturnType<typeof parseJson>;
    try {
      value = parseJson(payload);
    } catch (error) {
      setProblem(`The payload is not JSON: ${(error as Error).message}`);
      return;
    }
    setProblem(undefined);
    emit.run(value);
  }
  return (
    <FormModal
      title="Emit an event"
      action="Emit event"
      onClose={onClose}
      onSubmit={submit}
      isRunning={emit.isRunning}
      error={emit.error}
      isReady={name.trim() !== ''}
    >
      <TextInput
        label="Name"
        placeholder="order.placed"
        required
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <JsonEditor
        label="Payload"
        value={payload}
        onChange={setPayload}
        error={problem}
        minHeight={120}
      />
    </FormModal>
  );
}
