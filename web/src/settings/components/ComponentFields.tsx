// The fields of a component: general ones, and those of its kind.
import {
  Autocomplete,
  Checkbox,
  NativeSelect,
  NumberInput,
  SimpleGrid,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useModels } from '../prompts/use-models.ts';
import { usePrompts } from '../prompts/use-prompts.ts';
import { type Draft, KINDS, type Stage } from './draft.ts';

interface Props {
  draft: Draft;
  stage: Stage;
  onChange(draft: Draft): void;
}

const VISIBILITY = [
  { value: 'private', label: 'This application' },
  { value: 'organization', label: 'The applications of the organization' },
  { value: 'public', label: 'Every application' },
];

export function ComponentFields({ draft, stage, onChange }: Props) {
  const set = (values: Partial<Draft>) => onChange({ ...draft, ...values });
  return (
    <>
      {stage !== 'saved' && (
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            label="Name"
            required
            value={draft.name}
            description="Steps name it. It does not change."
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          <TextInput
            label="Version"
            required
            value={draft.version}
            description="Such as 1.2.0. It does not change."
            // The button that opens this form is above it, and its old focus is gone with it.
            autoFocus={stage === 'version'}
            onChange={(event) => set({ version: event.currentTarget.value })}
          />
        </SimpleGrid>
      )}
      {stage !== 'saved' && (
        <NativeSelect
          label="Implements"
          value={draft.implementation_type}
          data={[...KINDS]}
          onChange={(event) => set({ implementation_type: event.currentTarget.value })}
        />
      )}
      <TextInput
        label="Label"
        value={draft.display_name}
        onChange={(event) => set({ display_name: event.currentTarget.value })}
      />
      <Textarea
        label="Description"
        autosize
        value={draft.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      {draft.implementation_type === 'ai_agent_task' && <AgentFields draft={draft} set={set} />}
      {draft.implementation_type === 'user_task' ? (
        <TextInput
          label="Widget"
          value={draft.ui_widget_id ?? ''}
          description="What a client of yours draws for the task. Empty: a form of the output schema."
          onChange={(event) => set({ ui_widget_id: event.currentTarget.value || null })}
        />
      ) : (
        <CallFields draft={draft} set={set} />
      )}
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <NativeSelect
          label="Who may use it"
          value={draft.visibility}
          data={VISIBILITY}
          onChange={(event) => set({ visibility: event.currentTarget.value })}
        />
        <TagsInput label="Tags" value={draft.tags} onChange={(tags) => set({ tags })} />
      </SimpleGrid>
    </>
  );
}

interface PartProps {
  draft: Draft;
  set(values: Partial<Draft>): void;
}

/** The call of an endpoint; an agent without one asks its model. */
function CallFields({ draft, set }: PartProps) {
  const isService = draft.implementation_type === 'service_task';
  return (
    <>
      <TextInput
        label="Endpoint"
        type="url"
        required={isService}
        value={draft.endpoint ?? ''}
        description={
          isService
            ? 'It gets a signed POST with the input.'
            : 'Empty: the model is called. Otherwise the endpoint gets a signed POST with the input.'
        }
        onChange={(event) => set({ endpoint: event.currentTarget.value || null })}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <NumberInput
          label="Timeout of a call"
          suffix=" ms"
          min={1}
          required
          allowDecimal={false}
          value={draft.timeout_ms}
          onChange={(value) => set({ timeout_ms: Number(value) })}
        />
        <NumberInput
          label="Retries"
          min={0}
          max={100}
          required
          allowDecimal={false}
          value={draft.retry_count}
          description="For steps without a retry policy."
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          onChange={(value) => set({ retry_count: Number(value) })}
        />
        <NumberInput
          label="Wait for a callback"
          suffix=" ms"
          min={1_000}
          required
          allowDecimal={false}
          value={draft.callback_timeout_ms}
          description="After the answer 202."
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          onChange={(value) => set({ callback_timeout_ms: Number(value) })}
        />
        <NumberInput
          label="Heartbeat within"
          suffix=" ms"
          min={1_000}
          allowDecimal={false}
          value={draft.heartbeat_timeout_ms ?? ''}
          description="Empty: heartbeats are not needed."
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          onChange={(value) => set({ heartbeat_timeout_ms: value === '' ? null : Number(value) })}
        />
      </SimpleGrid>
      <Checkbox
        label="Send step.cancelled when a step that waits for a callback is cancelled"
        checked={draft.notify_cancel}
        onChange={(event) => set({ notify_cancel: event.currentTarget.checked })}
      />
    </>
  );
}

function AgentFields({ draft, set }: PartProps) {
  const prompts = usePrompts();
  const models = useModels();
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <NativeSelect
        label="Prompt"
        value={draft.agent_prompt_id ?? ''}
        data={[
          { value: '', label: 'None' },
          ...(prompts.data ?? []).map(({ id, name, version }) => ({
            value: id,
            label: `${name} ${version}`,
          })),
        ]}
        onChange={(event) => set({ agent_prompt_id: event.currentTarget.value || null })}
      />
      <Autocomplete
        label="Model"
        value={draft.model_name ?? ''}
        data={models}
        onChange={(value) => set({ model_name: value || null })}
      />
    </SimpleGrid>
  );
}
