// Incident switches: they stop the starts or the steps of an application, a workflow or a task queue.
import { z } from 'zod';
import { found, readRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { one } from '../queries.ts';
import { named, row } from '../rows.ts';

export const SwitchBody = z.strictObject({
  scope: z
    .enum(['application', 'workflow', 'task_queue', 'installation'])
    .describe('`installation` requires the secret key of the project.'),
  target: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('The `kebab_name` of a workflow or the name of a task queue.'),
  mode: z
    .enum(['drain', 'pause'])
    .default('drain')
    .describe('`drain`: new runs wait, open runs go on. `pause`: also no further step starts.'),
  reason: z.string().min(1).max(1000),
});

const SWITCHES: ListSpec = {
  table: 'incident_switches',
  sorts: ['-created_at'],
  filters: { scope: equal('incident_switches', 'scope') },
};
const Switch = row('incident_switches', 'IncidentSwitch');
const AS_SWITCH = { description: 'the switch', schema: Switch };
const Count = z.number().int();
const Status = named('IncidentStatus', () =>
  z.object({
    switch_id: z.uuid(),
    is_on: z.boolean(),
    open_runs: Count.describe('Runs of the scope that have started and not ended.'),
    waiting_runs: Count.describe('Runs of the scope that wait to start.'),
    steps_in_flight: Count.describe('Steps of open runs that workers execute.'),
    is_complete: z
      .boolean()
      .describe('False if there are more than 10000 runs of a status: no more are counted.'),
  }),
);

export const INCIDENT_RESOURCE: Resource = {
  name: 'Incident switches',
  description: 'Stop starts or steps during an incident.',
  operations: [
    statement(
      {
        id: 'listIncidentSwitches',
        method: 'GET',
        path: '/v1/incident-switches',
        title: 'List incident switches',
        permission: 'run:read',
        description:
          'Lists the switches of the application and of the installation, the newest first. `released_at` of a switch that is on is null.',
        query: listQuery(SWITCHES),
        replies: { 200: { description: 'one page', schema: pageOf('IncidentSwitchPage', Switch) } },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, SWITCHES, call.query) }),
    ),
    statement(
      {
        id: 'setIncidentSwitch',
        method: 'POST',
        path: '/v1/incident-switches',
        title: 'Set an incident switch',
        permission: 'workflow:publish',
        description:
          'Stops the application, a workflow or a task queue until the switch is released. A repeated request for the same target changes the reason, or replaces a switch with the other mode.',
        body: SwitchBody,
        idempotency: 'stored',
        replies: { 201: AS_SWITCH },
        errors: ['not_found'],
      },
      async (query, { body: { scope, reason, mode, target } }) => ({
        body: await one(
          query,
          'select to_jsonb(s) as value from stepbase.set_incident_switch($1, $2, $3, $4) s',
          [scope, reason, mode, target ?? null],
        ),
      }),
    ),
    statement(
      {
        id: 'getIncidentSwitch',
        method: 'GET',
        path: '/v1/incident-switches/:switch_id',
        title: 'Read an incident switch',
        permission: 'run:read',
        description: 'Returns the switch: who set it, when and why.',
        replies: { 200: AS_SWITCH },
        errors: ['not_found'],
      },
      async (query, { params: { switch_id: id = '' } }) => ({
        body: found('incident switch', await readRow(query, SWITCHES, id)),
      }),
    ),
    statement(
      {
        id: 'getIncidentStatus',
        method: 'GET',
        path: '/v1/incident-switches/:switch_id/status',
        title: 'Read how far an incident switch has drained',
        permission: 'run:read',
        description: 'Counts the open and the waiting runs of the scope, and the steps in flight.',
        replies: { 200: { description: 'the counts', schema: Status } },
        errors: ['not_found'],
      },
      async (query, { params: { switch_id: id = '' } }) => ({
        body: await one(query, 'select stepbase.incident_status($1) as value', [id]),
      }),
    ),
    statement(
      {
        id: 'releaseIncidentSwitch',
        method: 'POST',
        path: '/v1/incident-switches/:switch_id/release',
        title: 'Release an incident switch',
        permission: 'workflow:publish',
        description:
          'The suspended runs continue in their order, unless another switch suspends them. A repeated request has no further effect.',
        replies: { 200: AS_SWITCH },
        errors: ['not_found'],
      },
      async (query, { params: { switch_id: id = '' } }) => ({
        body: await one(
          query,
          'select to_jsonb(s) as value from stepbase.release_incident_switch($1) s',
          [id],
        ),
      }),
    ),
  ],
};
