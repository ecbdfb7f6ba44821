// Every operation of the HTTP API, by resource: the source of the routes, docs/reference/http-api.md and the OpenAPI
// document. A new resource is one file in routes/ and one line here.
import type { Operation, Resource } from './operation.ts';
import { EVENT_RESOURCE } from './routes/events.ts';
import { HEALTH_RESOURCE } from './routes/health.ts';
import { HOOK_RESOURCE } from './routes/hooks.ts';
import { RUN_RESOURCE } from './routes/runs.ts';
import { TASK_RESOURCE } from './routes/tasks.ts';
import { WORKFLOW_RESOURCE } from './routes/workflows.ts';

export const RESOURCES: readonly Resource[] = [
  WORKFLOW_RESOURCE,
  RUN_RESOURCE,
  TASK_RESOURCE,
  EVENT_RESOURCE,
  HOOK_RESOURCE,
  HEALTH_RESOURCE,
];

export const OPERATIONS: readonly Operation[] = RESOURCES.flatMap(({ operations }) => operations);
