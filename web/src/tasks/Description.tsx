// The description of a task in Markdown, loaded when there is one; until then its text.
import { Text } from '@mantine/core';
import { lazy, Suspense } from 'react';

const Markdown = lazy(() => import('./Markdown.tsx'));

export function Description({ text }: { text: string | undefined }) {
  if (!text) return null;
  return (
    <Suspense fallback={<Text style={{ whiteSpace: 'pre-line' }}>{text}</Text>}>
      <Markdown text={text} />
    </Suspense>
  );
}
