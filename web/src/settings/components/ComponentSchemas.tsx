// A component for members who may not change it.
import { Stack, Text } from '@mantine/core';
import { JsonView } from '../../shared/JsonView.tsx';
import { type Component, draftOf, fieldsOf } from './draft.ts';

export function ComponentSchemas({ component }: { component: Component }) {
  const draft = draftOf(component);
  const shown = Object.fromEntries(
    fieldsOf(component.implementation_type)
      .map((field) => [field, draft[field]] as const)
      .filter(([, value]) => value !== null && value !== ''),
  );
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        {component.app_code === null
          ? 'The operator of the installation keeps this component.'
          : 'Your role reads components and does not change them.'}
      </Text>
      <JsonView label="Component" value={shown} depth={3} maxHeight={560} />
    </Stack>
  );
}
