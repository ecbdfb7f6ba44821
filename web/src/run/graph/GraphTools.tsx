// Above the graph: finding a step, and folding a large graph.
import { SegmentedControl, Select } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { RunNode } from '../../shared/use-run.ts';
import type { FoldMode } from './fold.ts';
import classes from './graph.module.css';

interface Props {
  nodes: readonly RunNode[];
  mode: FoldMode;
  /** Whether folding changes anything. */
  canFold: boolean;
  hasFailed: boolean;
  onMode(mode: FoldMode): void;
  onFind(stepId: string): void;
}

export function GraphTools({ nodes, mode, canFold, hasFailed, onMode, onFind }: Props) {
  const choices = useMemo(
    () =>
      nodes.map(({ node_id, label }) => ({
        value: node_id,
        label: label && label !== node_id ? `${label} (${node_id})` : node_id,
      })),
    [nodes],
  );
  const modes = [
    { value: 'all', label: 'All' },
    ...(canFold
      ? [
          { value: 'chains', label: 'Fold chains' },
          { value: 'finished', label: 'Fold finished' },
        ]
      : []),
    ...(hasFailed || mode === 'failed' ? [{ value: 'failed', label: 'Failed only' }] : []),
  ];
  return (
    <div className={classes.tools}>
      <Select
        className={classes.find}
        size="xs"
        aria-label="Find a step"
        placeholder="Find a step"
        leftSection={<IconSearch size={14} aria-hidden="true" />}
        data={choices}
        searchable
        limit={50}
        value={null}
        nothingFoundMessage="No step has this name"
        onChange={(id) => {
          if (id !== null) onFind(id);
        }}
      />
      {modes.length > 1 && (
        <SegmentedControl
          size="xs"
          aria-label="Steps shown"
          data={modes}
          value={mode}
          onChange={(value) => onMode(value as FoldMode)}
        />
      )}
    </div>
  );
}
