// A titled part of a page, with a link or button at its end. It is no landmark: the lists in it are.
import { Group, Title } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  action?: ReactNode;
  children: ReactNode;
}

export function Section({ title, action, children }: Props) {
  return (
    <div>
      <Group justify="space-between" mb="xs" gap="xs">
        <Title order={2} size="h5">
          {title}
        </Title>
        {action}
      </Group>
      {children}
    </div>
  );
}
