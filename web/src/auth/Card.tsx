// The frame of the pages outside of an application: a card in the middle of the window.
import { Center, Paper, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { Brand } from '../shared/Brand.tsx';

interface Props {
  children: ReactNode;
  width?: number;
}

export function Card({ children, width = 400 }: Props) {
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder shadow="sm" p="xl" w="100%" maw={width} bg="var(--sb-surface)">
        <Stack style={{ overflowWrap: 'anywhere' }}>
          <Brand />
          {children}
        </Stack>
      </Paper>
    </Center>
  );
}
