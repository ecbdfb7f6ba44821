// The objects whose changes are in the audit log, as the filter lists them. tests/web compares them with the migration.
export const AUDITED: readonly { group: string; tables: readonly string[] }[] = [
  {
    group: 'Access',
    tables: [
      'applications',
      'app_quotas',
      'app_members',
      'app_roles',
      'invitations',
      'api_keys',
      'service_accounts',
    ],
  },
  {
    group: 'Workflows',
    tables: [
      'projects',
      'workflows',
      'workflow_versions',
      'workflow_canaries',
      'workflow_schedules',
      'workflow_triggers',
      'workflow_children',
      'workflow_flow_controls',
      'workflow_signals',
      'workflow_queries',
      'workflow_compilations',
      'work_queues',
      'database_triggers',
    ],
  },
  {
    group: 'Building blocks',
    tables: ['components', 'agent_prompts', 'secrets', 'secret_versions', 'signing_secrets'],
  },
  {
    group: 'Operations',
    tables: [
      'task_decisions',
      'task_queues',
      'run_operations',
      'schedule_backfills',
      'incident_switches',
      'webhook_subscriptions',
      'ai_budgets',
    ],
  },
];
