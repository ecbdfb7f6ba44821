// The dialogs that create a webhook, rotate its secret and change it. The first two show a secret that the server made once.
import { NativeSelect, PasswordInput, Select, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { FormModal } from '../settings/parts.tsx';
import { showOnce } from '../settings/shown-once.tsx';
import { JsonEditor } from '../shared/code/editors.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { type Json, type Row, supabase } from '../shared/supabase.ts';
import { objectIn, textOf } from './json-text.ts';
import { useWorkflows } from './use-workflows.ts';

type Scheme = Row<'webhook_signature_schemes'>;
const CHANGES = [['triggers']] as const;
const STORE_IT = 'Store the secret at the sender now. It is shown only once.';

export function useSchemes(): Scheme[] | undefined {
  const { data } = useAppQuery(
    ['webhook_signature_schemes'],
    (signal) =>
      ask(
        supabase.from('webhook_signature_schemes').select('*').order('ordinal').abortSignal(signal),
      ),
    { staleTime: 3_600_000 },
  );
  return data;
}

interface SecretProps {
  scheme: Scheme | undefined;
  value: string;
  onChange(value: string): void;
}

function SecretInput({ scheme, value, onChange }: SecretProps) {
  const isGenerated = scheme?.is_secret_generated ?? true;
  return (
    <PasswordInput
      label="Secret of the sender"
      description={isGenerated ? 'Empty: Stepbase creates one.' : `From ${scheme?.label}.`}
      required={!isGenerated}
      autoComplete="off"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

export function CreateWebhook({ onClose }: { onClose(): void }) {
  const { all } = useWorkflows();
  const schemes = useSchemes();
  const [workflow, setWorkflow] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [schemeName, setSchemeName] = useState('standard_webhooks');
  const [secret, setSecret] = useState('');
  const scheme = schemes?.find((each) => each.name === schemeName);
  const create = useAction(
    async () =>
      (await ask(
        supabase.rpc('create_webhook', {
          workflow: workflow ?? '',
          name,
          signature_scheme: schemeName,
          ...(secret === '' ? {} : { secret }),
        }),
      )) as unknown as { secret: string | null },
    {
      success: 'The webhook is created.',
      changes: CHANGES,
      isQuiet: true,
      onSuccess: (made) => {
        onClose();
        if (made.secret) showOnce('The signing secret', made.secret, STORE_IT);
      },
    },
  );
  return (
    <FormModal
      title="New webhook"
      action="Create webhook"
      onClose={onClose}
      onSubmit={() => create.run()}
      isRunning={create.isRunning}
      error={create.error}
      isReady={workflow !== null}
    >
      <Select
        label="Workflow"
        placeholder="Choose a workflow"
        data={(all ?? []).map((each) => ({ value: each.kebab_name, label: each.name }))}
        value={workflow}
        onChange={setWorkflow}
        searchable
        allowDeselect={false}
      />
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Signature"
        data={(schemes ?? []).map((each) => ({ value: each.name, label: each.label }))}
        value={schemeName}
        onChange={(event) => setSchemeName(event.currentTarget.value)}
        description={scheme?.description}
      />
      <SecretInput scheme={scheme} value={secret} onChange={setSecret} />
    </FormModal>
  );
}

const DAY = 86_400;

interface WebhookProps {
  webhook: Row<'workflow_triggers'>;
  onClose(): void;
}

export function RotateWebhookSecret({ webhook, onClose }: WebhookProps) {
  const schemes = useSchemes();
  const [secret, setSecret] = useState('');
  const [overlap, setOverlap] = useState(String(DAY));
  const rotate = useAction(
    async () =>
      (await ask(
        supabase.rpc('rotate_webhook_secret', {
          trigger_id: webhook.id,
          overlap_seconds: Number(overlap),
          ...(secret === '' ? {} : { secret }),
        }),
      )) as unknown as { secret: string | null },
    {
      success: 'The secret is rotated.',
      changes: CHANGES,
      isQuiet: true,
      onSuccess: (made) => {
        onClose();
        if (made.secret) showOnce('The new signing secret', made.secret, STORE_IT);
      },
    },
  );
  return (
    <FormModal
      title="Rotate the secret"
      action="Rotate secret"
      onClose={onClose}
      onSubmit={() => rotate.run()}
      isRunning={rotate.isRunning}
      error={rotate.error}
    >
      <Text size="sm">
        The sender signs with the new secret from now on. The old one stays valid for the time that
        you choose.
      </Text>
      <NativeSelect
        label="The old secret stays valid for"
        data={[
          { value: '0', label: 'No time' },
          { value: '3600', label: 'One hour' },
          { value: String(DAY), label: 'One day' },
          { value: String(7 * DAY), label: 'One week' },
        ]}
        value={overlap}
        onChange={(event) => setOverlap(event.currentTarget.value)}
      />
      <SecretInput
        scheme={schemes?.find(({ name }) => name === webhook.signature_scheme)}
        value={secret}
        onChange={setSecret}
      />
    </FormModal>
  );
}

export function ChangeWebhook({ webhook, onClose }: WebhookProps) {
  const [name, setName] = useState(webhook.name);
  const [input, setInput] = useState(textOf(webhook.input));
  const [problem, setProblem] = useState<string>();
  const save = useAction(
    (given: NonNullable<Json>) =>
      ask(
        supabase
          .from('workflow_triggers')
          .update({ name, input: given })
          .eq('id', webhook.id)
          .select('id')
          .single(),
      ),
    { success: 'The webhook is saved.', changes: CHANGES, isQuiet: true, onSuccess: onClose },
  );
  function submit(): void {
    const fixed = objectIn(input);
    setProblem(fixed.problem);
    if (fixed.problem === undefined) save.run(fixed.value ?? {});
  }
  return (
    <FormModal
      title="Change the webhook"
      action="Save webhook"
      onClose={onClose}
      onSubmit={submit}
      isRunning={save.isRunning}
      error={save.error}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <JsonEditor
        label="Input"
        description="A part of the input of each run. Body, headers and query of the call are added to it."
        value={input}
        onChange={setInput}
        error={problem}
        minHeight={60}
      />
    </FormModal>
  );
}
