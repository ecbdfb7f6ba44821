// What each permission allows, in words, grouped by what it is about. tests/web compares the names with
// docs/reference/permissions.md.
export const PERMISSION_TEXTS: Readonly<Record<string, string>> = {
  'workflow:read': 'See workflows and their versions',
  'workflow:write': 'Write drafts, settings and limits of workflows',
  'workflow:publish': 'Publish, pause and archive workflows, pause queues',
  'project:read': 'See projects',
  'project:write': 'Create and change projects',
  'run:read': 'See runs with their data, tasks and logs',
  'run:execute': 'Start, pause, repeat and signal runs',
  'run:cancel': 'Cancel runs',
  'task:complete': 'Decide approvals and complete tasks',
  'schedule:read': 'See schedules, triggers, webhooks and alerts',
  'schedule:write': 'Create and change schedules, triggers, webhooks and alerts',
  'component:read': 'See components',
  'component:write': 'Create and change components',
  'prompt:read': 'See prompts',
  'prompt:write': 'Write versions of prompts',
  'secret:read': 'See names and uses of secrets, never values',
  'secret:manage': 'Store, roll back and delete secrets',
  'queue:read': 'See task queues and their limits',
  'queue:write': 'Create and change task queues and work queues',
  'worker:read': 'See workers and their health',
  'stats:read': 'See statistics, model usage and budgets',
  'member:read': 'See members and service accounts',
  'member:manage': 'Invite and remove members, change roles, budgets and the application',
  'key:read': 'See API keys',
  'key:manage': 'Create, rotate and revoke API keys',
  'audit:read': 'See, verify and export the audit log',
};

const GROUPS: Readonly<Record<string, string>> = {
  workflow: 'Workflows',
  project: 'Workflows',
  run: 'Runs and tasks',
  task: 'Runs and tasks',
  schedule: 'Schedules and triggers',
  component: 'Building blocks',
  prompt: 'Building blocks',
  secret: 'Building blocks',
  queue: 'Operations',
  worker: 'Operations',
  stats: 'Operations',
  member: 'Access',
  key: 'Access',
  audit: 'Access',
};

export interface PermissionGroup {
  label: string;
  permissions: string[];
}

/** In the order above; a permission that this file does not know comes last. */
export function grouped(permissions: readonly string[]): PermissionGroup[] {
  const order = Object.keys(PERMISSION_TEXTS);
  const rank = (name: string) => (order.indexOf(name) + order.length + 1) % (order.length + 1);
  const groups = new Map<string, string[]>();
  for (const permission of [...permissions].sort((a, b) => rank(a) - rank(b))) {
    const label = GROUPS[permission.split(':')[0] ?? ''] ?? 'Other';
    groups.set(label, [...(groups.get(label) ?? []), permission]);
  }
  return [...groups].map(([label, names]) => ({ label, permissions: names }));
}
