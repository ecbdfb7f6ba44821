// Check boxes for permissions; those that the user lacks are disabled, because no one can grant them.
import { Checkbox, SimpleGrid } from '@mantine/core';
import { useApp } from '../shared/app.tsx';

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
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing={6} mt="xs">
        {all.map((each) => (
          <Checkbox
            key={each}
            value={each}
            label={each}
            size="sm"
            disabled={!permissions.has(each)}
          />
        ))}
      </SimpleGrid>
    </Checkbox.Group>
  );
}
