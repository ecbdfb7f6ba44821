// The problem of a form of the pages outside of an application.
import { Alert, Text } from '@mantine/core';

export function Problem({ text }: { text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <Alert color="red" role="alert">
      <Text c="var(--mantine-color-text)">{text}</Text>
    </Alert>
  );
}
