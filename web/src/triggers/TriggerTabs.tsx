// The tabs of the pages about what starts runs.
import { Tabs } from '@mantine/core';
import { useGo } from '../shared/address.tsx';

const TABS = {
  '/schedules': 'Schedules',
  '/webhooks': 'Webhooks',
  '/events': 'Events',
  '/database-triggers': 'Database triggers',
} as const;

export function TriggerTabs({ page }: { page: keyof typeof TABS }) {
  const go = useGo();
  return (
    <Tabs value={page} onChange={(next) => next && go(next)} mb="md" variant="outline">
      <Tabs.List>
        {Object.entries(TABS).map(([to, label]) => (
          <Tabs.Tab key={to} value={to}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
}
