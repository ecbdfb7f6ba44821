// The tabs of the pages about how the application does. A workflow that is chosen stays so on the next page.
import { Tabs } from '@mantine/core';
import { useAddressParam, useGo } from '../shared/address.tsx';

const TABS = {
  '/insight': 'Overview',
  '/insight/failures': 'Failures',
  '/insight/queues': 'Queues',
  '/insight/workers': 'Workers',
  '/insight/models': 'Models',
} as const;

export function InsightTabs({ page }: { page: keyof typeof TABS }) {
  const go = useGo();
  const [workflow] = useAddressParam('workflow');
  const query = workflow === undefined ? '' : `?${new URLSearchParams({ workflow })}`;
  return (
    <Tabs value={page} onChange={(next) => next && go(`${next}${query}`)} variant="outline" mb="md">
      <Tabs.List>
        {Object.entries(TABS).map(([to, label]) => (
          <Tabs.Tab key={to} value={to} px={{ base: 6, sm: 'md' }}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
}
