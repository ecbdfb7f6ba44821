// A part of a page in a frame with a heading: `<Panel title="Comments">…</Panel>`.
import { Card, Group, Stack, Title } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  /** At the end of the heading: a link, a count. */
  aside?: ReactNode;
  children: ReactNode;
}

export function Panel({ title, aside, children }: Props) {
  return (
    <Card component="section" aria-label={title} withBorder bg="var(--sb-surface)">
      <Stack gap="sm">
        <Group justify="space-between" gap="sm">
          <Title order={2} size="h5">
            {title}
          </Title>
          {aside}
        </Group>
        {children}
      </Stack>
    </Card>
  );
}

interface FactProps {
  label: string;
  children: ReactNode;
}

/** A line of facts: its name in a column, its value beside it. */
export function Fact({ label, children }: FactProps) {
  return (
    <Group gap="sm" wrap="nowrap" align="baseline">
      <Title order={3} size="sm" fw={400} c="dimmed" w={112} style={{ flex: 'none' }}>
        {label}
      </Title>
      <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>{children}</div>
    </Group>
  );
}
