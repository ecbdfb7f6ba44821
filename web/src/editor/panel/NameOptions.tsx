// Offers the names that a field can have: workflows, components, queues and signals of the application. Any other name can
// be written, too.
import { Select } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { Json } from '../../../../types/database.ts';
import { ask, useAppQuery } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { useEditor } from '../editor-context.tsx';
import type { Field } from '../model/fields.ts';

const READS: Readonly<Record<string, (signal: AbortSignal) => Promise<string[]>>> = {
  workflow: async (signal) => {
    const rows = await ask(
      supabase
        .from('workflows')
        .select('kebab_name')
        .is('deleted_at', null)
        .order('kebab_name')
        .limit(500)
        .abortSignal(signal),
    );
    return rows.map(({ kebab_name }) => kebab_name);
  },
  component: async (signal) => {
    const rows = await ask(
      supabase.from('components').select('name').order('name').limit(500).abortSignal(signal),
    );
    return [...new Set(rows.map(({ name }) => name))];
  },
  queue: async (signal) => {
    const rows = await ask(
      supabase
        .from('work_queues')
        .select('queue_name')
        .order('queue_name')
        .limit(500)
        .abortSignal(signal),
    );
    return [...new Set(rows.map(({ queue_name: name }) => name))];
  },
};

interface Props {
  field: Field;
  value: Json | undefined;
  onChange(value: Json | undefined): void;
  children: ReactNode;
}

export function NameOptions({ field, value, onChange, children }: Props) {
  const { mayWrite } = useEditor();
  const read = field.kind === 'text' ? READS[field.key] : undefined;
  const names = useAppQuery(
    ['names', field.key],
    (signal) => (read ? read(signal) : Promise.resolve([])),
    {
      enabled: read !== undefined,
      staleTime: 60_000,
    },
  );
  const [query, setQuery] = useState('');
  const given = typeof value === 'string' ? value : undefined;
  // A template needs the field with expressions.
  if (read === undefined || given?.includes('{{') || !mayWrite || (names.data ?? []).length === 0)
    return children;
  const all = [
    ...new Set([...(names.data ?? []), ...(given ? [given] : []), ...(query ? [query] : [])]),
  ];
  return (
    <Select
      label={field.label}
      withAsterisk={field.isRequired}
      searchable
      data={all}
      value={given ?? null}
      searchValue={query}
      onSearchChange={setQuery}
      clearable={!field.isRequired}
      description="Choose a name, or write another one. Begin with {{ for an expression."
      onChange={(next) => onChange(next ?? undefined)}
    />
  );
}
