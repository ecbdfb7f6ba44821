// The parts that the sections share: a block with a heading and buttons, a table of a query with all its states, a dialog
// with a form, a menu of row actions, and names of people.
import { ActionIcon, Button, Group, Menu, Paper, Stack, Text, Title } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, useMemo } from 'react';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { Modal } from '../shared/dialogs.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

interface BlockProps {
  title: string;
  text?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Block({ title, text, actions, children }: BlockProps) {
  return (
    <Stack gap="sm">
      <Group justify="space-between" align="flex-end" gap="sm">
        <div>
          <Title order={2} size="h4">
            {title}
          </Title>
          {text && (
            <Text size="sm" c="dimmed">
              {text}
            </Text>
          )}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}

/** A block of fields with a border. */
export function Panel({ children }: { children: ReactNode }) {
  return (
    <Paper bg="var(--sb-surface)" withBorder p="lg" radius="md">
      {children}
    </Paper>
  );
}

interface RowsProps<Row> {
  /** A query of useAppQuery, or other rows of it with its state. */
  query: { data: Row[] | undefined; error: Error | null; refetch(): unknown };
  label: string;
  columns: readonly Column<Row>[];
  rowId(row: Row): string;
  rowProps?(row: Row): Readonly<Record<`data-${string}`, string>>;
  empty: ReactNode;
}

export function Rows<Row>({ query, empty, ...table }: RowsProps<Row>) {
  const { data, error, refetch } = query;
  return (
    <>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={4} />}
      {data?.length === 0 && empty}
      {data && data.length > 0 && <DataTable {...table} rows={data} />}
    </>
  );
}

interface FormModalProps {
  title: string;
  /** The verb of the button. */
  action: string;
  onClose(): void;
  onSubmit(): void;
  isRunning: boolean;
  error: Error | null;
  isReady?: boolean;
  size?: string;
  children: ReactNode;
}

export function FormModal({ title, action, onClose, onSubmit, ...props }: FormModalProps) {
  const { isRunning, error, isReady = true, size = 'md', children } = props;
  function submit(event: FormEvent): void {
    event.preventDefault();
    event.stopPropagation();
    if (isReady) onSubmit();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack>
          {children}
          {error && <ErrorState error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={isRunning} disabled={!isReady}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

export interface RowAction {
  label: string;
  isDangerous?: boolean;
  /** False: the action is not offered. */
  isOffered?: boolean;
  run(): void;
}

/** The menu at the end of a row; nothing without an action. */
export function RowMenu({ name, actions }: { name: string; actions: readonly RowAction[] }) {
  const offered = actions.filter(({ isOffered = true }) => isOffered);
  if (offered.length === 0) return null;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${name}`}>
          <IconDots size={18} aria-hidden="true" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {offered.map(({ label, isDangerous, run }) => (
          <Menu.Item
            key={label}
            onClick={run}
            {...(isDangerous ? { c: 'var(--mantine-color-error)' } : {})}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Saves text as a file. */
export function download(name: string, type: string, parts: string[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

export interface Person {
  id: string;
  email: string;
  display_name: string;
}

/** The people of the application by id. */
export function usePeople(): ReadonlyMap<string, Person> {
  const { data } = useAppQuery(['users'], (signal) =>
    ask(supabase.from('users').select('id, email, display_name').abortSignal(signal)),
  );
  return useMemo(() => new Map(data?.map((each) => [each.id, each])), [data]);
}

export const nameOf = (people: ReadonlyMap<string, Person>, id: string | null): string =>
  id === null ? '' : (people.get(id)?.email ?? `a former member (${id.slice(0, 8)})`);
