// The states of a list or page without rows: `LoadingState` (a skeleton of the size of the content, so that nothing
// moves), `EmptyState` (why it is empty and what to do), and `ErrorState` (the error in words, its code, and a retry).
import { Alert, Button, Code, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconAlertCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { describe } from './errors.ts';

interface LoadingProps {
  /** The number of lines of the skeleton. */
  rows?: number;
  /** The height of a line in pixels. */
  height?: number;
}

export function LoadingState({ rows = 6, height = 44 }: LoadingProps) {
  return (
    <Stack gap="xs" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a skeleton are the same
        <Skeleton key={n} height={height} />
      ))}
    </Stack>
  );
}

interface EmptyProps {
  title: string;
  /** Why it is empty, and what a person can do. */
  children?: ReactNode;
  /** A button or link. */
  action?: ReactNode;
  /** It is the whole page: its title is the main heading. */
  isPage?: boolean;
}

export function EmptyState({ title, children, action, isPage = false }: EmptyProps) {
  return (
    <Stack align="center" gap="xs" py={48} px="md" ta="center">
      <Title order={isPage ? 1 : 2} size="h4">
        {title}
      </Title>
      {children && (
        <Text c="dimmed" maw={560}>
          {children}
        </Text>
      )}
      {action}
    </Stack>
  );
}

interface ErrorProps {
  error: unknown;
  /** Reads again. */
  retry?: () => void;
  /** Messages by error code that fit the page better. */
  texts?: Readonly<Record<string, string>>;
}

export function ErrorState({ error, retry, texts }: ErrorProps) {
  const { text, code } = describe(error, texts);
  return (
    <Alert color="red" variant="light" role="alert" icon={<IconAlertCircle aria-hidden="true" />}>
      <Group justify="space-between" gap="sm">
        <Stack gap={2}>
          <Text c="var(--mantine-color-text)">{text}</Text>
          {code && (
            <Text size="sm" c="dimmed">
              Code: <Code>{code}</Code>
            </Text>
          )}
        </Stack>
        {retry && (
          <Button variant="default" size="xs" onClick={retry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  );
}
