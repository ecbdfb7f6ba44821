// The sections of the settings: their address (`#/<app>/settings/<id>`), group, docs page, and the permission to read
// them. A section is a lazy component, the default export of a file in this folder.
import { type ComponentType, type LazyExoticComponent, lazy } from 'react';

export interface Section {
  id: string;
  label: string;
  group: 'Workspace' | 'Access' | 'Building blocks' | 'Operations';
  /** A page below docs/. */
  help: string;
  /** What the section is for, in a sentence. */
  text: string;
  /** Without it, the section explains who may read it. */
  permission?: string;
  Content: LazyExoticComponent<ComponentType>;
}

export const SECTIONS: readonly Section[] = [
  {
    id: 'application',
    label: 'Application',
    group: 'Workspace',
    help: 'guides/organizations-and-members',
    text: 'The name of the application, its limits, its data and its end.',
    Content: lazy(() => import('./ApplicationSection.tsx')),
  },
  {
    id: 'organization',
    label: 'Organization',
    group: 'Workspace',
    help: 'guides/organizations-and-members',
    text: 'An organization owns applications. Members belong to applications.',
    Content: lazy(() => import('./OrganizationSection.tsx')),
  },
  {
    id: 'members',
    label: 'Members',
    group: 'Access',
    help: 'guides/invite-members',
    text: 'People who work in this application, and the invitations that wait for an answer.',
    permission: 'member:read',
    Content: lazy(() => import('./MembersSection.tsx')),
  },
  {
    id: 'roles',
    label: 'Roles',
    group: 'Access',
    help: 'reference/permissions',
    text: 'What each role may do. A change takes effect with the next request of its members.',
    Content: lazy(() => import('./RolesSection.tsx')),
  },
  {
    id: 'keys',
    label: 'API keys',
    group: 'Access',
    help: 'guides/call-from-a-machine',
    text: 'Keys for machines that call this application, and the service accounts that own them.',
    permission: 'key:read',
    Content: lazy(() => import('./KeysSection.tsx')),
  },
  {
    id: 'secrets',
    label: 'Secrets',
    group: 'Building blocks',
    help: 'guides/secrets',
    text: 'Values that steps read as {{ secrets.<name> }}. No one can read them back.',
    permission: 'secret:read',
    Content: lazy(() => import('./SecretsSection.tsx')),
  },
  {
    id: 'components',
    label: 'Components',
    group: 'Building blocks',
    help: 'guides/components',
    text: 'Reusable implementations of user tasks, service tasks and agent tasks.',
    permission: 'component:read',
    Content: lazy(() => import('./components/ComponentsSection.tsx')),
  },
  {
    id: 'prompts',
    label: 'Prompts',
    group: 'Building blocks',
    help: 'guides/prompts',
    text: 'Versioned prompt templates for the steps that call a model.',
    permission: 'prompt:read',
    Content: lazy(() => import('./prompts/PromptsSection.tsx')),
  },
  {
    id: 'models',
    label: 'Model budgets',
    group: 'Operations',
    help: 'guides/model-budgets',
    text: 'What model calls cost, and what they may cost.',
    permission: 'stats:read',
    Content: lazy(() => import('./BudgetsSection.tsx')),
  },
  {
    id: 'queues',
    label: 'Queues and limits',
    group: 'Operations',
    help: 'guides/concurrency-limits',
    text: 'How many runs and steps of a queue or a workflow work at the same time.',
    permission: 'queue:read',
    Content: lazy(() => import('./limits/QueuesSection.tsx')),
  },
  {
    id: 'retention',
    label: 'Retention',
    group: 'Operations',
    help: 'operations/maintain',
    text: 'How long runs, their events and the audit log are kept.',
    Content: lazy(() => import('./RetentionSection.tsx')),
  },
  {
    id: 'alerts',
    label: 'Alerts',
    group: 'Operations',
    help: 'guides/alerts',
    text: 'Messages by mail, Slack, Teams or webhook when runs fail, get stuck, or wait.',
    permission: 'schedule:read',
    Content: lazy(() => import('./AlertsSection.tsx')),
  },
  {
    id: 'audit',
    label: 'Audit log',
    group: 'Operations',
    help: 'operations/audit',
    text: 'Who changed what and when. The log is append-only and sealed by a chain of hashes.',
    permission: 'audit:read',
    Content: lazy(() => import('./AuditSection.tsx')),
  },
];
