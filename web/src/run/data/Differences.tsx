// The differences of two JSON values, found in the browser.
import { Text } from '@mantine/core';
import { useMemo } from 'react';
import { DifferenceTable } from './DifferenceTable.tsx';
import { differences } from './differences.ts';

interface Props {
  label: string;
  before: unknown;
  after: unknown;
  beforeLabel?: string;
  afterLabel?: string;
}

export default function Differences(props: Props) {
  const { label, before, after, beforeLabel = 'Before', afterLabel = 'After' } = props;
  const list = useMemo(() => differences(before, after), [before, after]);
  if (list.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        The values are equal.
      </Text>
    );
  }
  return <DifferenceTable list={list} label={label} before={beforeLabel} after={afterLabel} />;
}
