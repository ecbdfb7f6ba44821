// The bar of a selection in the list of runs: its size, "all that match", and the actions on many runs.
import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { count } from '../shared/format.ts';
import { BulkDialog } from './BulkDialog.tsx';
import { ACTIONS, type BulkAction, type FilterDocument } from './bulk.ts';
import classes from './runs.module.css';

interface Props {
  ids: ReadonlySet<string>;
  /** The filter of the list: "all that match". */
  filter: FilterDocument;
  isAll: boolean;
  onAll(): void;
  onClear(): void;
}

/** An operation takes at most so many ids. */
const MOST = 1_000;

export function SelectionBar({ ids, filter, isAll, onAll, onClear }: Props) {
  const { permissions } = useApp();
  const [action, setAction] = useState<BulkAction>();
  const actions = ACTIONS.filter(({ permission }) => permissions.has(permission));
  const isTooMany = !isAll && ids.size > MOST;
  return (
    <Group className={classes.bar} role="region" aria-label="Selected runs" gap="sm">
      <Text fw={600} role="status">
        {isAll ? 'All runs that match' : `${count(ids.size)} selected`}
      </Text>
      {!isAll && (
        <Button size="compact-sm" variant="subtle" onClick={onAll}>
          Select all that match
        </Button>
      )}
      {isTooMany && (
        <Text size="sm" c="dimmed">
          At most {count(MOST)} runs can be selected one by one.
        </Text>
      )}
      <Group gap={6} ml="auto">
        {actions.map(({ name, label, isDangerous }) => (
          <Button
            key={name}
            size="compact-sm"
            variant="default"
            disabled={isTooMany}
            {...(isDangerous ? { c: 'var(--sb-danger)' } : {})}
            onClick={() => setAction(name)}
          >
            {label}
          </Button>
        ))}
        <Button size="compact-sm" variant="subtle" onClick={onClear}>
          Clear
        </Button>
      </Group>
      {action && (
        <BulkDialog
          action={action}
          filter={isAll ? filter : { id: [...ids] }}
          onClose={() => setAction(undefined)}
          onStarted={onClear}
        />
      )}
    </Group>
  );
}
