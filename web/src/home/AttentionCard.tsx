// A card of the first page with a few things that need a person, or a sentence that there are none.
import { Group, Paper, Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import classes from './Attention.module.css';

export interface AttentionItem {
  id: string;
  text: ReactNode;
  detail: ReactNode;
}

interface Props {
  title: string;
  /** How many there are, which may be more than the items. */
  total: number;
  items: readonly AttentionItem[] | undefined;
  error: unknown;
  /** Reads again after an error. */
  retry(): void;
  /** Said when there are none. */
  none: string;
  action?: ReactNode;
}

export function AttentionCard({ title, total, items, error, retry, none, action }: Props) {
  const id = useId();
  return (
    <Paper
      component="section"
      bg="var(--sb-surface)"
      withBorder
      p="md"
      radius="md"
      aria-labelledby={id}
      h="100%"
    >
      <Group justify="space-between" mb={6}>
        <Title order={2} size="h5" id={id}>
          {title}
          {total > 0 && ` (${total})`}
        </Title>
        {action}
      </Group>
      {error !== null && error !== undefined && <ErrorState error={error} retry={retry} />}
      {items === undefined && !error && <LoadingState rows={3} height={26} />}
      {items?.length === 0 && (
        <Text size="sm" c="dimmed">
          {none}
        </Text>
      )}
      {items && items.length > 0 && (
        <ul className={classes.list}>
          {items.map((item) => (
            <li key={item.id}>
              <span>{item.text}</span>
              <span>{item.detail}</span>
            </li>
          ))}
        </ul>
      )}
    </Paper>
  );
}
