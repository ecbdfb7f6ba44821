// Check boxes for permissions, in groups; those that the user lacks are disabled, because no one can grant them.
import { Checkbox, SimpleGrid, Stack, Text } from '@mantine/core';
import { useApp } from '../shared/app.tsx';
import { grouped, PERMISSION_TEXTS } from './permission-texts.ts';

interface Props {
  label: string;
  description?: string;
  all: readonly string[];
  value: string[];
  onChange(value: string[]): void;
}

export function PermissionPicker({ label, description, all, value, onChange }: Props) {
  const { permissions } = useApp();
  return (
    <Checkbox.Group label={label} description={description} value={value} onChange={onChange}>
      <Stack gap="sm" mt="xs">
        {grouped(all).map((group) => (
          <div key={group.label}>
            <Text size="xs" fw={600} c="dimmed" mb={4}>
              {group.label}
            </Text>
            <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs" verticalSpacing={6}>
              {group.permissions.map((each) => (
                <Checkbox
                  key={each}
                  value={each}
                  label={each}
                  description={PERMISSION_TEXTS[each]}
                  size="sm"
                  disabled={!permissions.has(each)}
                />
              ))}
            </SimpleGrid>
          </div>
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
