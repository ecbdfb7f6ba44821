// Fills the form with an example of the schema or with the input of a recent run.
import { Button, Menu, Text } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { useMay } from '../shared/app.tsx';
import { words } from '../shared/format.ts';
import type { Json } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { examplesOf, summaryOf } from './inputs.ts';
import { useRecentInputs } from './use-startable.ts';

interface Props {
  workflowId: string;
  schema: Json | null;
  onPick(input: Json): void;
}

export function InputMenu({ workflowId, schema, onPick }: Props) {
  const { data: recent = [] } = useRecentInputs(workflowId, useMay('run:read'));
  const examples = examplesOf(schema);
  const inputs = recent.map(({ input }) => input);
  if (examples.length === 0 && recent.length === 0) return null;
  return (
    <Menu position="bottom-end" width={360} withinPortal>
      <Menu.Target>
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconHistory size={15} aria-hidden="true" />}
        >
          Fill in
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={360} style={{ overflowY: 'auto' }}>
        {examples.length > 0 && <Menu.Label>Examples</Menu.Label>}
        {examples.map((example, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the examples of one schema do not move
          <Menu.Item key={`example ${n}`} onClick={() => onPick(example)}>
            <Text size="sm" lineClamp={2}>
              {summaryOf(example, examples)}
            </Text>
          </Menu.Item>
        ))}
        {recent.length > 0 && <Menu.Label>Recent inputs</Menu.Label>}
        {recent.map(({ id, input, status, created_at }) => (
          <Menu.Item key={id} onClick={() => onPick(input)}>
            <Text size="sm" lineClamp={2}>
              {summaryOf(input, inputs)}
            </Text>
            <Text size="xs" c="dimmed">
              {words(status)}, <RelativeTime at={created_at} />
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
