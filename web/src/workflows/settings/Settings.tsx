// The third tab of a workflow: its words, where it belongs, limits, flow control, and its end.
import { Paper, Stack } from '@mantine/core';
import type { Workflow } from '../../shared/supabase.ts';
import { Section } from '../overview/Section.tsx';
import { FlowControls } from './FlowControls.tsx';
import { GeneralForm } from './GeneralForm.tsx';
import { State } from './State.tsx';

export function Settings({ workflow }: { workflow: Workflow }) {
  return (
    <Stack gap="xl" maw={860}>
      <Paper bg="var(--sb-surface)" withBorder p="lg" radius="md">
        {/* Another save, also of another person, begins again with its values. */}
        <GeneralForm key={workflow.updated_at} workflow={workflow} />
      </Paper>
      <Section title="Flow control">
        <FlowControls workflowId={workflow.id} />
      </Section>
      <Section title="State">
        <State workflow={workflow} />
      </Section>
    </Stack>
  );
}
