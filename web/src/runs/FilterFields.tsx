// The conditions of the list of runs that have no button of their own, as a form.
import {
  Autocomplete,
  Button,
  Group,
  MultiSelect,
  NumberInput,
  Select,
  SimpleGrid,
  TagsInput,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { type FilterValues, list } from './filter.ts';
import classes from './runs.module.css';
import { type Choices, SPAN_LABELS } from './use-choices.ts';

interface Props {
  values: FilterValues;
  choices: Choices;
  codes: readonly string[];
  onApply(values: { [Key in keyof FilterValues]: string | undefined }): void;
}

/** An ISO time as a local one, for an input of type datetime-local. */
function local(iso: string | undefined): string {
  if (!iso) return '';
  const time = new Date(iso);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const iso = (text: string): string | undefined =>
  text === '' ? undefined : new Date(text).toISOString();

export function FilterFields({ values, choices, codes, onApply }: Props) {
  const [draft, setDraft] = useState(values);
  const set = (changes: { [Key in keyof FilterValues]?: string | undefined }) =>
    setDraft((known) => ({ ...known, ...changes }) as FilterValues);
  const workflows = list(draft.workflow);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const { workflow, version, since, from, before, trigger, person, error, tag, key, input } =
      draft;
    onApply({
      ...{ workflow, since, trigger, person, error, tag, key, input },
      version: workflows.length === 1 ? version : undefined,
      from: since ? undefined : from,
      before: since ? undefined : before,
    });
  }

  return (
    <form onSubmit={submit} className={classes.fields} aria-label="Filter">
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="sm">
        <MultiSelect
          label="Workflow"
          data={choices.workflows}
          value={workflows}
          onChange={(names) => set({ workflow: names.join(',') })}
          searchable
          clearable
          placeholder={workflows.length === 0 ? 'All' : ''}
        />
        {workflows.length === 1 && (
          <NumberInput
            label="Version"
            min={1}
            allowDecimal={false}
            value={draft.version ?? ''}
            onChange={(version) => set({ version: String(version) })}
          />
        )}
        <Select
          label="Created"
          data={Object.entries(SPAN_LABELS).map(([value, label]) => ({ value, label }))}
          value={draft.since ?? null}
          onChange={(since) => set({ since: since ?? undefined })}
          placeholder="At any time"
          clearable
        />
        {!draft.since && (
          <Group grow gap="xs" align="flex-start">
            <TextInput
              type="datetime-local"
              label="From"
              value={local(draft.from)}
              onChange={(event) => set({ from: iso(event.currentTarget.value) })}
            />
            <TextInput
              type="datetime-local"
              label="Before"
              value={local(draft.before)}
              onChange={(event) => set({ before: iso(event.currentTarget.value) })}
            />
          </Group>
        )}
        <MultiSelect
          label="Trigger"
          data={choices.triggers}
          value={list(draft.trigger)}
          onChange={(names) => set({ trigger: names.join(',') })}
          clearable
        />
        <Select
          label="Person"
          data={choices.people}
          value={draft.person ?? null}
          onChange={(person) => set({ person: person ?? undefined })}
          searchable
          clearable
        />
        <Autocomplete
          label="Error code"
          data={[...codes]}
          value={draft.error ?? ''}
          onChange={(error) => set({ error })}
        />
        <TagsInput
          label="Tags"
          value={list(draft.tag)}
          onChange={(tags) => set({ tag: tags.join(',') })}
        />
        <TextInput
          label="Idempotency key"
          value={draft.key ?? ''}
          onChange={(event) => set({ key: event.currentTarget.value })}
        />
        {choices.inputs.length > 0 && (
          <TextInput
            label="Input value"
            description={`Searchable: ${choices.inputs.slice(0, 6).join(', ')}`}
            placeholder={`${choices.inputs[0]}=…`}
            value={draft.input ?? ''}
            onChange={(event) => set({ input: event.currentTarget.value })}
          />
        )}
        <Group justify="flex-end" align="flex-end">
          <Button type="submit">Apply</Button>
        </Group>
      </SimpleGrid>
    </form>
  );
}
