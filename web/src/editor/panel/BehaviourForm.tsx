// How a step runs: retries, time limit, what follows a failure, when it starts after several edges, and compensation.
import { Divider, Group, NumberInput, Select, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { type StepType, useEditor } from '../editor-context.tsx';
import { isObject, type JsonObject, type Step } from '../model/definition.ts';
import { changeData } from '../model/edits.ts';
import { faultText } from '../model/faults.ts';
import { durationText, parseDuration } from '../model/fields.ts';
import { ItemStepField } from './ItemStepField.tsx';

function Milliseconds(props: {
  label: string;
  description?: string;
  placeholder: string;
  value: unknown;
  onChange(ms: number | undefined): void;
}) {
  const { value, onChange, ...rest } = props;
  const { mayWrite } = useEditor();
  const shown = typeof value === 'number' ? durationText(value) : '';
  const [text, setText] = useState(shown);
  const [known, setKnown] = useState(value);
  if (known !== value) {
    setKnown(value);
    setText(shown);
  }
  const ms = parseDuration(text);
  const isWrong = text.trim() !== '' && ms === undefined;
  return (
    <TextInput
      {...rest}
      value={text}
      disabled={!mayWrite}
      error={isWrong ? 'Write a time such as 30s, 5min or 2h.' : undefined}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => {
        if (isWrong) return;
        setKnown(ms);
        setText(ms === undefined ? '' : durationText(ms));
        onChange(ms);
      }}
    />
  );
}

const without = (policy: JsonObject, key: string, value: unknown): JsonObject => {
  const next = { ...policy, [key]: value } as JsonObject;
  if (value === undefined || value === '') delete next[key];
  return next;
};

export function BehaviourForm({ step, type }: { step: Step; type: StepType | undefined }) {
  const { doc, faultsOf, mayWrite } = useEditor();
  const data = step.data ?? {};
  const set = (change: JsonObject) =>
    doc.change(
      (draft) => changeData(draft, step.id, change),
      `behaviour ${step.id} ${Object.keys(change).join()}`,
    );
  const retry = isObject(data.retry) ? data.retry : undefined;
  const setRetry = (key: string, value: unknown) =>
    retry && set({ retry: without(retry, key, value) });
  const entries = doc.draft.definition.edges.filter(({ target }) => target === step.id).length;
  const compensate = isObject(data.compensate) ? data.compensate : undefined;
  const faults = (faultsOf.get(step.id) ?? []).filter(
    ({ pointer }) => !pointer.includes('/data/config'),
  );

  return (
    <Stack gap="sm">
      {faults.map((fault) => (
        <Text key={`${fault.pointer} ${fault.message}`} size="sm" c="var(--sb-danger)">
          {faultText(fault)}
        </Text>
      ))}
      <Divider label="Retries" labelPosition="left" />
      <Switch
        label="Retry failed attempts"
        checked={retry !== undefined}
        disabled={!mayWrite}
        onChange={(event) =>
          set({
            retry: event.currentTarget.checked
              ? { max_attempts: 3, backoff: 'exponential', delay_ms: 1000 }
              : undefined,
          })
        }
      />
      {retry !== undefined && (
        <>
          <Group grow align="flex-start">
            <NumberInput
              label="Attempts"
              min={1}
              max={100}
              hideControls
              disabled={!mayWrite}
              value={typeof retry.max_attempts === 'number' ? retry.max_attempts : ''}
              onChange={(value) =>
                setRetry('max_attempts', value === '' ? undefined : Number(value))
              }
            />
            <Select
              label="Backoff"
              data={['exponential', 'fixed']}
              disabled={!mayWrite}
              value={typeof retry.backoff === 'string' ? retry.backoff : 'exponential'}
              onChange={(value) => setRetry('backoff', value ?? undefined)}
            />
          </Group>
          <Group grow align="flex-start">
            <Milliseconds
              label="Delay"
              placeholder="1s"
              value={retry.delay_ms}
              onChange={(ms) => setRetry('delay_ms', ms)}
            />
            <Milliseconds
              label="Longest delay"
              placeholder="1h"
              value={retry.max_delay_ms}
              onChange={(ms) => setRetry('max_delay_ms', ms)}
            />
          </Group>
          <Group grow align="flex-start">
            <Milliseconds
              label="For at most"
              placeholder="no limit"
              value={retry.max_elapsed_ms}
              onChange={(ms) => setRetry('max_elapsed_ms', ms)}
            />
            <NumberInput
              label="Jitter (0 to 1)"
              min={0}
              max={1}
              step={0.1}
              hideControls
              disabled={!mayWrite}
              value={typeof retry.jitter === 'number' ? retry.jitter : ''}
              onChange={(value) => setRetry('jitter', value === '' ? undefined : Number(value))}
            />
          </Group>
        </>
      )}
      <Divider label="Limits and failures" labelPosition="left" />
      <Milliseconds
        label="Time limit of an attempt"
        placeholder={
          type?.default_timeout_ms === null
            ? 'none'
            : durationText(type?.default_timeout_ms ?? 300_000)
        }
        value={data.timeout_ms}
        onChange={(ms) => set({ timeout_ms: ms })}
      />
      <Select
        label="After a failure"
        description="An edge with the outcome error or timeout is taken in both cases."
        data={[
          { value: 'fail', label: 'The run fails' },
          { value: 'continue', label: 'The run continues' },
        ]}
        disabled={!mayWrite}
        value={typeof data.on_error === 'string' ? data.on_error : 'fail'}
        onChange={(value) => set({ on_error: value === 'continue' ? 'continue' : undefined })}
      />
      {(entries > 1 || data.join !== undefined) && (
        <Select
          label="Starts when"
          data={[
            { value: 'all', label: 'all incoming edges are resolved' },
            { value: 'any', label: 'the first incoming edge is taken' },
          ]}
          disabled={!mayWrite}
          value={data.join === 'any' ? 'any' : 'all'}
          onChange={(value) => set({ join: value === 'any' ? 'any' : undefined })}
        />
      )}
      <Divider label="Compensation" labelPosition="left" />
      <Switch
        label="Undo this step if the run does not complete"
        checked={compensate !== undefined}
        disabled={!mayWrite}
        onChange={(event) =>
          set({
            compensate: event.currentTarget.checked
              ? { type: 'http_request', config: {} }
              : undefined,
          })
        }
      />
      {compensate !== undefined && (
        <ItemStepField
          step={step}
          value={compensate}
          faults={faults}
          isCompensation
          onChange={(value) => set({ compensate: value })}
        />
      )}
    </Stack>
  );
}
