// The route map: every page of an application, below `#/<app_code>`. A page is a lazy component, the default export of a
// file in the folder of its subject. `nav` puts it into the navigation. tests/browser/pages.test.ts opens all of them.
import type { Icon } from '@tabler/icons-react';
import {
  IconApi,
  IconChartBar,
  IconClockPlay,
  IconHome,
  IconInbox,
  IconPlayerPlay,
  IconSettings,
  IconSitemap,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';

export interface PageRoute {
  /** Parts that begin with `$` are parameters: usePathParam('runId'). */
  path: string;
  load(): Promise<{ default: ComponentType }>;
  nav?: { label: string; icon: Icon };
  /** Without it, the page is not in the navigation. */
  permission?: string;
}

export const PAGES: readonly PageRoute[] = [
  { path: '/', load: () => import('../home/HomePage.tsx'), nav: { label: 'Home', icon: IconHome } },
  {
    path: '/workflows',
    load: () => import('../workflows/WorkflowsPage.tsx'),
    nav: { label: 'Workflows', icon: IconSitemap },
    permission: 'workflow:read',
  },
  { path: '/new-workflow', load: () => import('../editor/new/NewWorkflowPage.tsx') },
  { path: '/workflows/$workflow', load: () => import('../workflows/WorkflowPage.tsx') },
  { path: '/start', load: () => import('../start/StartPage.tsx') },
  { path: '/workflows/$workflow/start', load: () => import('../start/StartPage.tsx') },
  { path: '/workflows/$workflow/edit', load: () => import('../editor/EditorPage.tsx') },
  { path: '/workflows/$workflow/$tab', load: () => import('../workflows/WorkflowPage.tsx') },
  {
    path: '/runs',
    load: () => import('../runs/RunsPage.tsx'),
    nav: { label: 'Runs', icon: IconPlayerPlay },
    permission: 'run:read',
  },
  { path: '/runs/$runId', load: () => import('../run/RunPage.tsx') },
  { path: '/runs/$runId/compare/$otherId', load: () => import('../run/ComparePage.tsx') },
  {
    path: '/tasks',
    load: () => import('../tasks/TasksPage.tsx'),
    nav: { label: 'Tasks', icon: IconInbox },
    permission: 'run:read',
  },
  { path: '/tasks/$taskId', load: () => import('../tasks/TaskPage.tsx') },
  {
    path: '/schedules',
    load: () => import('../triggers/SchedulesPage.tsx'),
    nav: { label: 'Schedules and triggers', icon: IconClockPlay },
    permission: 'schedule:read',
  },
  { path: '/webhooks', load: () => import('../triggers/WebhooksPage.tsx') },
  { path: '/events', load: () => import('../triggers/EventsPage.tsx') },
  { path: '/database-triggers', load: () => import('../triggers/DatabaseTriggersPage.tsx') },
  {
    path: '/insight',
    load: () => import('../insight/InsightPage.tsx'),
    nav: { label: 'Insight', icon: IconChartBar },
    permission: 'stats:read',
  },
  { path: '/insight/failures', load: () => import('../insight/FailuresPage.tsx') },
  { path: '/insight/queues', load: () => import('../insight/QueuesPage.tsx') },
  { path: '/insight/workers', load: () => import('../insight/WorkersPage.tsx') },
  { path: '/insight/models', load: () => import('../insight/ModelsPage.tsx') },
  {
    path: '/settings',
    load: () => import('../settings/SettingsPage.tsx'),
    nav: { label: 'Settings', icon: IconSettings },
  },
  { path: '/settings/$section', load: () => import('../settings/SettingsPage.tsx') },
  { path: '/api', load: () => import('../api/ApiPage.tsx'), nav: { label: 'API', icon: IconApi } },
];
