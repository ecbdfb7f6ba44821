// Two values as JSON beside each other; below each other in narrow windows.
import { SimpleGrid } from '@mantine/core';
import { JsonEditor } from '../../shared/code/editors.tsx';

interface Side {
  title: string;
  value: unknown;
}

export function SideBySide({ a, b }: { a: Side; b: Side }) {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      {[a, b].map(({ title, value }) => (
        <JsonEditor
          key={title}
          label={title}
          isReadOnly
          value={JSON.stringify(value, null, 2)}
          onChange={() => undefined}
          maxHeight={560}
        />
      ))}
    </SimpleGrid>
  );
}
