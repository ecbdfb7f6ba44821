// What differs between two drafts, as a list.
import { Badge, Group, ScrollArea, Stack, Text } from '@mantine/core';
import type { Change } from '../model/changes.ts';

const COLORS: Readonly<Record<Change['kind'], string>> = {
  added: 'var(--sb-done)',
  removed: 'var(--sb-danger)',
  changed: 'var(--sb-waiting)',
  moved: 'var(--sb-neutral)',
};

export function ChangeList({ title, changes }: { title: string; changes: readonly Change[] }) {
  return (
    <section aria-label={title}>
      <Text size="sm" fw={600} mb={6}>
        {title}
      </Text>
      {changes.length === 0 ? (
        <Text size="sm" c="dimmed">
          Nothing differs.
        </Text>
      ) : (
        <ScrollArea.Autosize mah={260} viewportProps={{ tabIndex: 0, 'aria-label': title }}>
          <Stack gap={6}>
            {changes.map(({ kind, what, keys }) => (
              <Group key={`${kind} ${what}`} gap="xs" wrap="nowrap" align="flex-start">
                <Badge
                  variant="outline"
                  size="sm"
                  w={76}
                  tt="none"
                  styles={{
                    root: { color: COLORS[kind], borderColor: 'var(--sb-line)', flex: 'none' },
                  }}
                >
                  {kind}
                </Badge>
                <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                  {what}
                  {keys.length > 0 && (
                    <Text span size="xs" c="dimmed">
                      {' '}
                      {keys.slice(0, 8).join(', ')}
                      {keys.length > 8 ? ` and ${keys.length - 8} more` : ''}
                    </Text>
                  )}
                </Text>
              </Group>
            ))}
          </Stack>
        </ScrollArea.Autosize>
      )}
    </section>
  );
}
