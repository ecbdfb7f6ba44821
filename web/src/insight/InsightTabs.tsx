// The tabs of the pages about how the application does.
import { Group, Tabs } from '@mantine/core';
import { AppLink, useGo } from '../shared/address.tsx';

const TABS = {
  '/insight': 'Overview',
  '/insight/failures': 'Failures',
  '/insight/queues': 'Queues',
  '/insight/workers': 'Workers',
  '/insight/models': 'Models',
} as const;

export function InsightTabs({ page }: { page: keyof typeof TABS }) {
  const go = useGo();
  return (
    <Group justify="space-between" align="center" gap="xs" mb="md">
      <Tabs value={page} onChange={(next) => next && go(next)} variant="outline" flex={1}>
        <Tabs.List>
          {Object.entries(TABS).map(([to, label]) => (
            <Tabs.Tab key={to} value={to}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <AppLink to="/settings/alerts" size="sm">
        Alerts
      </AppLink>
    </Group>
  );
}
