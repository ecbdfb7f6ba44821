// The application that generated requests are sent to: its rows, by the names of the parameters that address them, and
// what each operation needs to succeed beyond values of its schema.
import { randomUUID } from 'node:crypto';
import { waitFor } from '../support/stack.ts';
import { type Api, call, createMember, createTenant, sql, type TestTenant } from './support.ts';
import { prepareMachines } from './world.machines.ts';
import { prepareTenancy } from './world.tenancy.ts';
import { prepareWebhooks } from './world.webhooks.ts';

export type Values = Record<string, unknown>;

export class World {
  readonly pools = new Map<string, unknown[]>();
  readonly #api: Api;
  readonly tenant: TestTenant;

  constructor(api: Api, tenant: TestTenant) {
    this.#api = api;
    this.tenant = tenant;
  }

  add(name: string, value: unknown): void {
    const pool = this.pools.get(name) ?? [];
    pool.push(value);
    if (pool.length > 20) pool.shift();
    this.pools.set(name, pool);
  }

  send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return call(`${this.#api.url}${path}`, {
      method,
      token: this.tenant.token,
      headers,
      ...(body === undefined ? {} : { body }),
      timeoutMs: 60_000,
    });
  }

  async made(method: string, path: string, body: unknown): Promise<Values> {
    const answer = await this.send(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async publish(nodes: unknown[], edges: unknown[] = []): Promise<string> {
    const name = `generated-${randomUUID().slice(0, 8)}`;
    await this.made('POST', `/v1/workflows/${name}/draft`, { definition: { nodes, edges } });
    await this.made('POST', `/v1/workflows/${name}/publish`, {});
    return name;
  }

  async run(workflow: string, status?: string): Promise<string> {
    const { id } = await this.made('POST', `/v1/workflows/${workflow}/runs`, {});
    if (status !== undefined) {
      await waitFor(`the run is ${status}`, async () => {
        const { body } = await this.send('GET', `/v1/runs/${String(id)}`);
        return (body.run as Values).status === status;
      });
    }
    return String(id);
  }

  task(runId: string): Promise<string> {
    return waitFor('the task waits', async () => {
      const { body } = await this.send('GET', `/v1/tasks?run_id=${runId}`);
      const [task] = body.items as Values[];
      return task === undefined ? undefined : String(task.id);
    });
  }
}

const node = (id: string, type: string, config: unknown) => ({ id, type, data: { config } });

export interface Prepared {
  params?: Values;
  body?: unknown;
  headers?: Record<string, string>;
  query?: string;
}
/** What an operation needs to succeed, beyond values of its schema. */
export type Preparations = Record<string, () => Promise<Prepared>>;

export async function prepare(world: World): Promise<Preparations> {
  const quick = await world.publish([node('one', 'transform', { expression: '1' })]);
  const failing = await world.publish([node('one', 'transform', { expression: '$error("no")' })]);
  const asking = await world.publish([node('ask', 'wait_for_approval', { title: 'Go?' })]);
  const form = await world.publish([node('fill', 'user_task', { title: 'Fill' })]);
  const workflow = await world.made('GET', `/v1/workflows/${asking}`, undefined);
  const child = await world.made('GET', `/v1/workflows/${quick}`, undefined);
  const { app_code, admin } = world.tenant;
  for (const name of [quick, asking, form]) world.add('kebab_name', name);
  for (const name of ['workflow_id', 'parent_workflow_id']) world.add(name, workflow.id);
  world.add('child_workflow_id', child.id);
  const version = await world.made('GET', `/v1/workflows/${quick}/versions/1`, undefined);
  world.add('workflow_version_id', version.id);
  world.add('workflow', asking);
  world.add('app_code', app_code);
  world.add('user_id', admin.id);
  world.add('version', 1);
  world.add('other_version', 1);
  world.add('cron_expression', '0 5 * * *');
  world.add('timezone', 'UTC');
  world.add('trigger_type', 'event');
  world.add('event_name', 'order.made');
  world.add('endpoint', 'https://service.example/');
  world.add('implementation_type', 'service_task');
  world.add('component_type', 'activity');
  world.add('scopes', ['run:read']);
  world.add('role', 'viewer');
  world.add('expression', 'input');
  world.add('expires_at', '2099-01-01T00:00:00Z');
  world.add('definition', { nodes: [node('one', 'transform', { expression: '1' })], edges: [] });
  for (const name of [
    'input_schema',
    'output_schema',
    'config_schema',
    'work_item_schema',
    'return_type',
    'parameters',
  ]) {
    world.add(name, { type: 'object' });
  }
  const run = await world.run(asking);
  world.add('run_id', run);
  world.add('step_run_id', await world.task(run));
  const member = async () => ({ params: { user_id: (await createMember(app_code, 'viewer')).id } });
  const open = async () => ({ params: { run_id: await world.run(asking) }, body: {} });
  const task = async () => ({
    params: { step_run_id: await world.task(await world.run(form)) },
    body: {},
  });
  const link = async () => {
    const approval = await world.task(await world.run(asking));
    const [made] = await sql<{ token: string }>(
      "select stepbase_engine.task_mail_data($1, $2) #>> '{links,approve}' as token",
      [approval, admin.id],
    );
    return { body: { token: made?.token } };
  };
  /** A step that waits for a callback. */
  const callback = (body: object) => async () => {
    const token = `sbc_${randomUUID()}`;
    await sql(
      `with waiting as (
         update stepbase.step_runs s set wait_kind = 'callback' where s.id = $1 returning s.id, s.app_code
       )
       insert into stepbase_private.step_callbacks (token_hash, app_code, step_run_id, component_id, timeout_ms, expires_at)
       select stepbase_private.token_hash($2), w.app_code, w.id, gen_random_uuid(), 60000, now() + interval '1 hour'
       from waiting w`,
      [await world.task(await world.run(asking)), token],
    );
    return { body: { token, ...body } };
  };
  const fresh = async () => ({
    params: { kebab_name: await world.publish([node('one', 'transform', { expression: '1' })]) },
  });

  const flowControl = async () => {
    // Of a workflow of its own, which has none yet.
    const { kebab_name: name } = (await fresh()).params;
    const { id: workflow_id } = await world.made('GET', `/v1/workflows/${name}`, undefined);
    return { workflow_id, kind: 'throttle', max_count: 10, period_seconds: 1 };
  };

  const scheduled = async () => {
    const made = await world.made('POST', '/v1/schedules', {
      workflow_id: child.id,
      cron_expression: '0 5 * * *',
      is_enabled: false,
    });
    return { params: { schedule_id: made.id }, body: {} };
  };
  const backfilled = async () => {
    const { params } = await scheduled();
    // The runs wait for each other, so the backfill is still open at the next request.
    const range = { from_time: '2026-01-01T00:00:00Z', to_time: '2026-02-01T00:00:00Z' };
    const { id } = await world.made('POST', `/v1/schedules/${params.schedule_id}/backfills`, {
      ...range,
      overlap_policy: 'queue',
    });
    return { params: { backfill_id: id }, body: {} };
  };

  const previewed = async () => {
    const body = { action: 'rerun', filter: { created_before: '2020-01-01T00:00:00Z' } };
    const { preview } = await world.made('POST', '/v1/run-operations/preview', body);
    return { body: { ...body, preview } };
  };
  const operated = async () => {
    const { id } = await world.made('POST', '/v1/run-operations', (await previewed()).body);
    return { params: { operation_id: id }, body: {} };
  };

  const unused = await world.publish([node('one', 'transform', { expression: '1' })]);
  const stopped = async () => {
    const body = { scope: 'workflow', target: unused, reason: 'generated' };
    const { id } = await world.made('POST', '/v1/incident-switches', body);
    return { params: { switch_id: id }, body: {} };
  };

  const canaries = async (isOpen: boolean) => {
    const name = await world.publish([node('one', 'transform', { expression: '1' })]);
    await world.made('POST', `/v1/workflows/${name}/draft`, {
      definition: { nodes: [node('one', 'transform', { expression: '2' })], edges: [] },
    });
    if (!isOpen) return { params: { kebab_name: name }, body: {} };
    const { id } = await world.made('POST', `/v1/workflows/${name}/canaries`, {});
    return { params: { canary_id: id }, body: {} };
  };

  const continued = async () => {
    const name = await world.publish([node('ask', 'wait_for_approval', { title: 'Go?' })]);
    const run_id = await world.run(name);
    await world.made('POST', `/v1/workflows/${name}/draft`, {
      definition: { nodes: [node('ask', 'wait_for_approval', { title: 'Really?' })], edges: [] },
    });
    await world.made('POST', `/v1/workflows/${name}/publish`, {});
    return { params: { run_id }, body: {} };
  };

  return {
    ...(await prepareMachines(world, quick)),
    ...(await prepareTenancy(world)),
    ...prepareWebhooks(world, quick),
    pauseRun: open,
    cancelRun: open,
    sendSignal: async () => ({
      params: { run_id: await world.run(asking), name: 'hello' },
      body: {},
    }),
    queryRun: async () => ({ params: { run_id: run, name: 'status' } }),
    resumeRun: async () => {
      const { params } = await open();
      await world.made('POST', `/v1/runs/${params.run_id}/pause`, {});
      return { params, body: {} };
    },
    rerunRun: async () => ({ params: { run_id: await world.run(quick, 'completed') }, body: {} }),
    continueRun: continued,
    previewContinue: continued,
    previewRerun: async () => ({
      params: { run_id: await world.run(quick, 'completed') },
      body: { input: { n: 1 } },
    }),
    compareRuns: async () => ({
      params: { run_id: run, other_run_id: await world.run(quick) },
    }),
    redriveRuns: async () => ({ body: { run_ids: [await world.run(failing, 'failed')] } }),
    completeTask: task,
    claimTask: task,
    releaseTask: task,
    delegateTask: async () => ({ ...(await task()), body: { user_id: admin.id } }),
    decideApproval: async () => ({
      params: { step_run_id: await world.task(await world.run(asking)) },
      body: { approved: true },
    }),
    getStepOutput: async () => ({
      params: { run_id: await world.run(quick, 'completed'), step_id: 'one' },
    }),
    listStepTurns: async () => ({
      params: { run_id: await world.run(quick, 'completed'), step_id: 'one' },
    }),
    readTaskLink: link,
    decideTaskLink: link,
    completeCallback: callback({ output: {} }),
    failCallback: callback({ code: 'no_stock' }),
    heartbeatCallback: callback({}),
    logCallback: callback({ lines: [{ message: 'Started' }] }),
    rotateComponentSecret: async () => ({
      params: {
        component_id: (
          await world.made('POST', '/v1/components', {
            name: `c-${randomUUID()}`,
            implementation_type: 'service_task',
            endpoint: 'https://x.example',
          })
        ).id,
      },
      body: {},
    }),
    getRunContext: async () => ({ params: { run_id: run } }),
    explainRun: async () => ({ params: { run_id: run } }),
    getWorkflowVersion: async () => ({ params: { kebab_name: quick, version: 1 } }),
    diffVersions: async () => ({
      params: { kebab_name: quick, version: 1, other_version: 1 },
    }),
    startCanary: () => canaries(false),
    getCanary: () => canaries(true),
    updateCanary: async () => ({ ...(await canaries(true)), body: { percent: 20 } }),
    promoteCanary: () => canaries(true),
    stopCanary: () => canaries(true),
    getDraft: async () => {
      await world.made('POST', `/v1/workflows/${form}/draft`, {
        definition: { nodes: [], edges: [] },
      });
      return { params: { kebab_name: form } };
    },
    publishWorkflow: async () => ({ ...(await fresh()), body: { version: 1 } }),
    saveDraft: async () => ({
      params: { kebab_name: 'generated-draft' },
      body: { definition: { nodes: [], edges: [] } },
    }),
    updateWorkflow: async () => ({
      params: { kebab_name: quick },
      body: { description: 'Changed' },
    }),
    startRun: async () => ({ params: { kebab_name: quick }, body: {} }),
    previewRunOperation: async () => ({
      body: { action: 'rerun', filter: { workflow: quick } },
    }),
    startRunOperation: previewed,
    getRunOperation: operated,
    listRunOperationFailures: operated,
    stopRunOperation: operated,
    searchRuns: async () => ({ body: { filter: { workflow: quick } } }),
    startRuns: async () => ({ params: { kebab_name: quick }, body: { items: [{}, {}] } }),
    archiveWorkflow: async () => ({ ...(await fresh()), body: {} }),
    deleteWorkflow: fresh,
    emitEvent: async () => ({ body: { name: 'order.made' } }),
    createTrigger: async () => ({
      body: { workflow_id: workflow.id, trigger_type: 'event', event_name: 'order.made' },
    }),
    createSchedule: async () => ({
      body: { workflow_id: workflow.id, cron_expression: '0 5 * * *', is_enabled: false },
    }),
    runScheduleNow: scheduled,
    listNextScheduleTimes: scheduled,
    backfillSchedule: async () => ({
      ...(await scheduled()),
      body: { from_time: '2026-01-01T00:00:00Z', to_time: '2026-01-02T00:00:00Z' },
    }),
    getScheduleBackfill: backfilled,
    cancelScheduleBackfill: backfilled,
    setIncidentSwitch: async () => ({
      body: { scope: 'workflow', target: unused, reason: 'generated' },
    }),
    getIncidentSwitch: stopped,
    getIncidentStatus: stopped,
    releaseIncidentSwitch: stopped,
    // Another one of the version may be active: compileWorkflow makes its own the active one.
    createCompilation: async () => ({
      body: {
        workflow_version_id: version.id,
        workflow_code: 'export async function run() {}',
        activities_code: '',
        worker_code: '',
        package_json: '{}',
        tsconfig_json: '{}',
        is_active: false,
      },
    }),
    updateCompilation: async () => ({ body: { temporal_workflow_id: 'order-1' } }),
    createFlowControl: async () => ({ body: await flowControl() }),
    updateFlowControl: async () => {
      const { id } = await world.made('POST', '/v1/flow-controls', await flowControl());
      return { params: { flow_control_id: id }, body: { max_count: 20 } };
    },
    listWaitingRuns: async () => {
      const { id } = await world.made('POST', '/v1/task-queues', {
        name: `q-${randomUUID().slice(0, 6)}`,
      });
      return { params: { task_queue_id: id } };
    },
    createWorkQueue: async () => ({
      body: { workflow_id: workflow.id, queue_name: `q${randomUUID().slice(0, 6)}` },
    }),
    createWorkflowQuery: async () => ({
      body: { workflow_id: workflow.id, query_name: `q${randomUUID().slice(0, 6)}` },
    }),
    createWorkflowChild: async () => ({
      body: {
        parent_workflow_id: workflow.id,
        child_workflow_id: child.id,
        child_workflow_name: `c${randomUUID().slice(0, 6)}`,
      },
    }),
    createComponent: async () => ({
      body: {
        name: `c${randomUUID().slice(0, 6)}`,
        implementation_type: 'service_task',
        endpoint: 'https://service.example/',
      },
    }),
    adoptApiKey: async () => {
      const { id } = await world.made('POST', '/v1/api-keys', { name: 'generated' });
      return { params: { api_key_id: id }, body: {} };
    },
    updateApplication: async () => ({ body: { description: 'Changed' } }),
    addMember: async () => {
      // A colleague of another application that the caller belongs to.
      const other = await createTenant('generated-other');
      await addAdmin(other.app_code, admin.id);
      return { body: { user_id: other.admin.id, role: 'viewer' } };
    },
    changeMemberRole: async () => ({ ...(await member()), body: { role: 'developer' } }),
    removeMember: member,
    callMcp: async () => ({
      body: { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      headers: { accept: 'application/json, text/event-stream' },
    }),
    testWorkflow: async () => ({
      params: { kebab_name: quick },
      body: { definition: { nodes: [node('one', 'transform', { expression: '1' })], edges: [] } },
    }),
  };
}

const addAdmin = (app_code: string, userId: string) =>
  sql("insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, 'admin')", [
    app_code,
    userId,
  ]);
