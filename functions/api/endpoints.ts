// What docs/reference/http-api.md states about each route. A test compares this list with the routes
// of the app, so a route without an entry here fails it.
import type { z } from 'zod';
import type { ErrorCode } from '../_shared/errors/index.ts';
import { DraftBody, PublishBody, ValidateBody } from './routes/definitions.ts';
import { EventBody } from './routes/events.ts';
import { CancelBody, RerunBody, SignalBody } from './routes/runs.ts';
import { CompleteBody, DecideBody } from './routes/tasks.ts';
import { StartBody } from './routes/workflows.ts';

export interface Endpoint {
  method: 'GET' | 'POST';
  /** Below `/functions/v1/stepbase-api`. */
  path: string;
  title: string;
  /** The permission of the caller's role or key; null: the route needs no caller. */
  permission: string | null;
  description: string;
  body?: z.ZodType;
  /** Further headers of the request, and what they do. */
  headers?: Record<string, string>;
  /** Status and content of each answer that is not an error. */
  responses: [status: number, content: string][];
  /** Besides those that every route under /v1 can raise. */
  errors: ErrorCode[];
}

const RUN = 'the run (a row of `runs`)';
const FAULTS =
  'a list of `{node, pointer, code, message, hint?, severity}` ([problems](errors.md#problems-of-a-definition) and [faults](errors.md#faults-that-the-checker-finds))';

export const ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'POST',
    path: '/v1/workflows/validate',
    title: 'Validate a definition',
    permission: 'workflow:read',
    description:
      'Checks a definition without saving it and lists all faults. `workflow` is the `kebab_name` of its workflow, whose signals and children are known then. Without `input_schema`, that of its latest version applies.',
    body: ValidateBody,
    responses: [[200, `\`{valid, faults}\`; \`faults\` is ${FAULTS}`]],
    errors: ['schema_too_complex'],
  },
  {
    method: 'POST',
    path: '/v1/workflows/:kebab_name/draft',
    title: 'Save a draft',
    permission: 'workflow:write',
    description:
      'Saves a definition as the draft of a workflow, and creates the workflow if it does not exist, as the RPC `save_workflow` does. A draft may have faults, which the answer lists; it is refused only if its nodes and edges are not a graph. `"input_schema": null` removes the schema.',
    body: DraftBody,
    responses: [
      [200, `\`{version, faults}\`: the draft (a row of \`workflow_versions\`) and ${FAULTS}`],
    ],
    errors: ['invalid_definition', 'invalid_input', 'schema_too_complex'],
  },
  {
    method: 'POST',
    path: '/v1/workflows/:kebab_name/publish',
    title: 'Publish a version',
    permission: 'workflow:publish',
    description:
      'Publishes the draft, or `version`, if it has no fault with the severity `error`. Otherwise `errors` of `invalid_definition` lists all faults. Publishing a published version again has no effect.',
    body: PublishBody,
    responses: [
      [200, '`{version, faults}`: the version (a row of `workflow_versions`) and its warnings'],
    ],
    errors: ['not_found', 'conflict', 'invalid_definition'],
  },
  {
    method: 'POST',
    path: '/v1/workflows/:kebab_name/runs',
    title: 'Start a run',
    permission: 'run:execute',
    description:
      'Starts a run of the published version, or of `version`. A repeated idempotency key returns the first run and starts nothing; with another workflow or input it is refused with `conflict` and the `run_id` of the first run.',
    body: StartBody,
    headers: { 'Idempotency-Key': 'Same as `idempotency_key` in the body.' },
    responses: [
      [201, `${RUN}; \`Location\` is the address of the run`],
      [200, `${RUN} that the idempotency key started earlier`],
    ],
    errors: ['not_found', 'conflict', 'invalid_input', 'limit_reached'],
  },
  {
    method: 'GET',
    path: '/v1/runs/:run_id',
    title: 'Read a run',
    permission: 'run:read',
    description: 'Returns the run and its step runs, both from one snapshot of the database.',
    responses: [[200, '`{run, steps}`']],
    errors: ['not_found'],
  },
  {
    method: 'GET',
    path: '/v1/runs/:run_id/events',
    title: 'Stream the events of a run',
    permission: 'run:read',
    description:
      'Server-sent events: one `snapshot` (`{run, steps}`), then every later event as `run` or `step`, in order and without gaps, then `end` when the run has ended. The id of an event is its `seq`. The stream ends after `STEPBASE_STREAM_SECONDS`; an EventSource reconnects by itself and resumes. A comment line every 15 seconds keeps the connection open. An `error` event means that the caller may no longer see the run. 429 means that the application has `max_streams` streams open in this process.',
    headers: {
      'Last-Event-ID':
        'Resumes after this `seq`, without a snapshot. Clients that cannot set headers use `?after=<seq>`.',
    },
    responses: [[200, '`text/event-stream`']],
    errors: ['not_found', 'limit_reached'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:run_id/cancel',
    title: 'Cancel a run',
    permission: 'run:cancel',
    description:
      'Cancels the run and its open steps, then compensates completed steps. With `force` the run ends at once, without compensation.',
    body: CancelBody,
    responses: [[200, RUN]],
    errors: ['not_found', 'conflict'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:run_id/pause',
    title: 'Pause a run',
    permission: 'run:execute',
    description: 'Steps in flight finish; no further step starts.',
    responses: [[200, RUN]],
    errors: ['not_found', 'conflict'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:run_id/resume',
    title: 'Resume a run',
    permission: 'run:execute',
    description: 'Continues a paused run. Timers that became due during the pause fire now.',
    responses: [[200, RUN]],
    errors: ['not_found', 'conflict'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:run_id/rerun',
    title: 'Rerun a run',
    permission: 'run:execute',
    description:
      'Starts a new run with the version and input of a run that has ended. With `from_step` it copies the results of all steps that do not depend on that step.',
    body: RerunBody,
    responses: [[201, 'the new run; `Location` is its address']],
    errors: ['not_found', 'conflict'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:run_id/signals/:name',
    title: 'Send a signal',
    permission: 'run:execute',
    description:
      'Sends a signal to a run that has not ended. The run keeps a signal that arrives early.',
    body: SignalBody,
    responses: [[202, 'no content']],
    errors: ['not_found', 'conflict', 'invalid_input'],
  },
  {
    method: 'GET',
    path: '/v1/runs/:run_id/queries/:name',
    title: 'Query a run',
    permission: 'run:read',
    description:
      'Answers `status`, `context`, `steps` or a query of the workflow without changing the run. This route evaluates JSONata; the RPC `query_run` evaluates paths only.',
    responses: [[200, '`{answer}`']],
    errors: ['not_found', 'conflict'],
  },
  {
    method: 'POST',
    path: '/v1/tasks/:step_run_id/complete',
    title: 'Complete a task',
    permission: 'task:complete',
    description:
      'Completes a waiting `user_task`. An assigned task needs its assignee or `member:manage` instead of `task:complete`.',
    body: CompleteBody,
    responses: [[200, 'the step run (a row of `step_runs`)']],
    errors: ['not_found', 'conflict', 'invalid_input'],
  },
  {
    method: 'POST',
    path: '/v1/approvals/:step_run_id',
    title: 'Decide an approval',
    permission: 'task:complete',
    description:
      'Approves or rejects a waiting `wait_for_approval`. An assigned approval needs its assignee or `member:manage` instead of `task:complete`.',
    body: DecideBody,
    responses: [[200, 'the step run (a row of `step_runs`)']],
    errors: ['not_found', 'conflict'],
  },
  {
    method: 'POST',
    path: '/v1/events',
    title: 'Emit an event',
    permission: 'run:execute',
    description:
      'Emits an event of the application. Every enabled trigger whose name and filter match starts its workflow once.',
    body: EventBody,
    headers: { 'Idempotency-Key': 'Same as `idempotency_key` in the body.' },
    responses: [[202, '`{event_id}`']],
    errors: ['conflict'],
  },
  {
    method: 'POST',
    path: '/hooks/:trigger_id',
    title: 'Call a webhook',
    permission: null,
    description:
      "Starts a run of the webhook's workflow. The call is signed by the webhook's signature scheme (Standard Webhooks, Stripe, GitHub or Slack); it needs no API key. A repeated delivery returns the first run. An unknown webhook answers like a wrong signature, with 401. Slack's `url_verification` gets its challenge and starts no run.",
    headers: {
      'webhook-id':
        'Standard Webhooks. Identifies the call: 1 to 128 printable ASCII characters other than a dot.',
      'webhook-timestamp':
        'Standard Webhooks. Seconds since 1970; at most 300 seconds from the current time.',
      'webhook-signature':
        'Standard Webhooks. `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`; spaces separate several.',
      'stripe-signature':
        'Stripe. `t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`; the `id` of the event identifies the delivery.',
      'x-hub-signature-256': 'GitHub. `sha256=<hex>`: HMAC-SHA256 over the body.',
      'x-github-delivery': 'GitHub. Identifies the delivery.',
      'x-slack-signature':
        'Slack. `v0=<hex>`: HMAC-SHA256 over `v0:<timestamp>:<body>`; `event_id` identifies the delivery.',
      'x-slack-request-timestamp':
        'Slack. Seconds since 1970; at most 300 seconds from the current time.',
    },
    responses: [
      [202, '`{run_id, status}` of the new run'],
      [
        200,
        '`{run_id, status}` of the run that an earlier delivery started, or `{challenge}` for Slack',
      ],
    ],
    errors: ['conflict', 'invalid_input'],
  },
  {
    method: 'GET',
    path: '/healthz',
    title: 'Check the process',
    permission: null,
    description: 'Answers while the process runs; it queries nothing.',
    responses: [[200, '`{"status": "ok"}`']],
    errors: [],
  },
  {
    method: 'GET',
    path: '/readyz',
    title: 'Check readiness',
    permission: null,
    description:
      'Queries PostgreSQL, the queue, the policy on `realtime.messages` and Redis, each with a deadline of two seconds. `failed` (PostgreSQL or the queue) is 503; `degraded` (Realtime or Redis) is 200.',
    responses: [
      [
        200,
        '`{status, checks: {postgres, queue, realtime, redis}}`, each check with its `latency_ms`',
      ],
      [503, 'the same, with `"status": "failed"`'],
    ],
    errors: [],
  },
];
