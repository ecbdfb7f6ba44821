// A version of a component with its schemas. Members with component:write change its call: address, limits, description.
import { Modal, NumberInput, Stack, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import type { Component } from './ComponentsSection.tsx';
import { FormModal } from './parts.tsx';

function Schemas({ component }: { component: Component }) {
  const { config_schema, input_schema, output_schema } = component;
  return (
    <>
      {config_schema !== null && <JsonView label="Config schema" value={config_schema} />}
      {input_schema !== null && <JsonView label="Input schema" value={input_schema} />}
      {output_schema !== null && <JsonView label="Output schema" value={output_schema} />}
    </>
  );
}

export function ComponentDetails(props: { component: Component; onClose(): void }) {
  const { component, onClose } = props;
  const { code, permissions } = useApp();
  const [description, setDescription] = useState(component.description);
  const [endpoint, setEndpoint] = useState(component.endpoint ?? '');
  const [timeout, setTimeoutMs] = useState<number | string>(component.timeout_ms);
  const [retries, setRetries] = useState<number | string>(component.retry_count);
  const save = useAction(
    () =>
      ask(
        supabase
          .from('components')
          .update({
            description,
            timeout_ms: Number(timeout),
            retry_count: Number(retries),
            ...(endpoint ? { endpoint } : {}),
          })
          .eq('id', component.id)
          .select('id')
          .single(),
      ),
    {
      success: 'The component is saved.',
      changes: [['components'], ['audit_log']],
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  const title = `${component.name} ${component.version}`;
  if (!permissions.has('component:write') || component.app_code !== code) {
    return (
      <Modal
        opened
        onClose={onClose}
        size="lg"
        title={title}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Stack>
          <Schemas component={component} />
        </Stack>
      </Modal>
    );
  }
  return (
    <FormModal
      title={title}
      action="Save"
      size="lg"
      onClose={onClose}
      onSubmit={() => save.run()}
      isRunning={save.isRunning}
      error={save.error}
    >
      <Textarea
        label="Description"
        autosize
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      {component.implementation_type === 'service_task' && (
        <TextInput
          label="Endpoint"
          type="url"
          required
          value={endpoint}
          onChange={(event) => setEndpoint(event.currentTarget.value)}
        />
      )}
      <NumberInput label="Timeout" suffix=" ms" min={1} value={timeout} onChange={setTimeoutMs} />
      <NumberInput label="Retries" min={0} max={100} value={retries} onChange={setRetries} />
      <Schemas component={component} />
    </FormModal>
  );
}
