// Every operation of the HTTP API, by resource: the source of the routes, docs/reference/http-api.md and the OpenAPI
// document. A new resource is one file in routes/ and one line here.
import { MCP_RESOURCE } from '../mcp/routes.ts';
import type { Operation, Resource } from './operation.ts';
import { AI_USAGE_RESOURCE } from './routes/ai-usage.ts';
import { API_KEY_RESOURCE } from './routes/api-keys.ts';
import { APPLICATION_RESOURCE } from './routes/applications.ts';
import { CALLBACK_RESOURCE } from './routes/callbacks.ts';
import { EVENT_RESOURCE } from './routes/events.ts';
import { HEALTH_RESOURCE } from './routes/health.ts';
import { HOOK_RESOURCE } from './routes/hooks.ts';
import { INCIDENT_RESOURCE } from './routes/incidents.ts';
import { AUDIT_RESOURCE, WORKER_RESOURCE } from './routes/insight.ts';
import { INVITATION_RESOURCE } from './routes/invitations.ts';
import { MEMBER_RESOURCE } from './routes/members.ts';
import { ORGANIZATION_RESOURCE } from './routes/organizations.ts';
import { REFUSED_START_RESOURCE } from './routes/refused-starts.ts';
import {
  COMPILATION_RESOURCE,
  COMPONENT_RESOURCE,
  FLOW_CONTROL_RESOURCE,
  PROJECT_RESOURCE,
  PROMPT_RESOURCE,
  WORKFLOW_PARTS_RESOURCE,
} from './routes/registry.ts';
import { ROLE_RESOURCE } from './routes/roles.ts';
import { RUN_OPERATION_RESOURCE } from './routes/run-operations.ts';
import { RUN_VIEW_RESOURCE } from './routes/run-views.ts';
import { RUN_RESOURCE } from './routes/runs.ts';
import { SCHEDULE_RESOURCE } from './routes/schedules.ts';
import { SECRET_RESOURCE } from './routes/secrets.ts';
import { SERVICE_ACCOUNT_RESOURCE } from './routes/service-accounts.ts';
import { SHARED_RESOURCE } from './routes/shared.ts';
import { STATISTICS_RESOURCE } from './routes/statistics.ts';
import { TASK_LINK_RESOURCE } from './routes/task-links.ts';
import { TASK_RESOURCE } from './routes/tasks.ts';
import { TRIGGER_RESOURCE } from './routes/triggers.ts';
import { SUBSCRIPTION_RESOURCE } from './routes/webhook-subscriptions.ts';
import { TASK_QUEUE_RESOURCE, WORK_QUEUE_RESOURCE } from './routes/work-queues.ts';
import { WORKFLOW_RESOURCE } from './routes/workflows.ts';

export const RESOURCES: readonly Resource[] = [
  WORKFLOW_RESOURCE,
  WORKFLOW_PARTS_RESOURCE,
  FLOW_CONTROL_RESOURCE,
  RUN_RESOURCE,
  RUN_OPERATION_RESOURCE,
  RUN_VIEW_RESOURCE,
  TASK_RESOURCE,
  EVENT_RESOURCE,
  SCHEDULE_RESOURCE,
  TRIGGER_RESOURCE,
  SUBSCRIPTION_RESOURCE,
  REFUSED_START_RESOURCE,
  INCIDENT_RESOURCE,
  WORK_QUEUE_RESOURCE,
  TASK_QUEUE_RESOURCE,
  COMPONENT_RESOURCE,
  PROMPT_RESOURCE,
  PROJECT_RESOURCE,
  COMPILATION_RESOURCE,
  SHARED_RESOURCE,
  SECRET_RESOURCE,
  API_KEY_RESOURCE,
  SERVICE_ACCOUNT_RESOURCE,
  MEMBER_RESOURCE,
  INVITATION_RESOURCE,
  ROLE_RESOURCE,
  APPLICATION_RESOURCE,
  ORGANIZATION_RESOURCE,
  STATISTICS_RESOURCE,
  AI_USAGE_RESOURCE,
  AUDIT_RESOURCE,
  WORKER_RESOURCE,
  HOOK_RESOURCE,
  TASK_LINK_RESOURCE,
  CALLBACK_RESOURCE,
  MCP_RESOURCE,
  HEALTH_RESOURCE,
];

export const OPERATIONS: readonly Operation[] = RESOURCES.flatMap(({ operations }) => operations);
