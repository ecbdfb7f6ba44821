// The schedules of the folder: stepbase/schedules.ts or schedules.json. A schedule is known by its workflow and its name.
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import {
  call,
  jsonLiteral,
  list,
  member,
  object,
  print,
} from '../../../sdk/src/workflow/decompile/print.ts';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import type { Project } from '../project.ts';
import { segment } from '../server.ts';
import { findWorkflow, listWorkflows } from '../workflows/stored.ts';
import {
  type Content,
  type Kind,
  readFiles,
  type Store,
  withDefaults,
  withoutDefaults,
} from './kind.ts';

const DEFAULTS = {
  name: '',
  timezone: 'UTC',
  input: {},
  max_runs: null,
  overlap_policy: 'allow',
  catchup_window_seconds: null,
  jitter_seconds: 0,
  work_queue: null,
} as const satisfies Content;

/** `is_enabled` belongs to operators, unless a file states it; `start_immediately` counts at the creation only. */
const OTHERS = ['workflow', 'cron_expression', 'is_enabled', 'start_immediately'];
const NAMES = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `schedules.${ending}`);

interface ScheduleRow extends Content {
  id: string;
  workflow_id: string;
  name: string;
  work_queue_id: string | null;
  finished_at: string | null;
}

interface WorkQueueRow {
  id: string;
  workflow_id: string;
  queue_name: string;
}

const keyOf = ({ workflow, name }: Content): string =>
  name === '' ? String(workflow) : `${String(workflow)}/${String(name)}`;

function normal(value: Content): { key: string; content: Content } {
  const { workflow, cron_expression: cron } = value;
  if (typeof workflow !== 'string' || typeof cron !== 'string') {
    throw usage('no_schedule', 'A schedule needs a workflow and a cron_expression');
  }
  const content = withDefaults(value, DEFAULTS, OTHERS, `The schedule of ${workflow}`);
  return { key: keyOf(content), content };
}

const filesOf = ({ folder }: Project): string[] =>
  NAMES.map((name) => join(folder, name)).filter((path) => existsSync(path));

export const SCHEDULES: Kind = {
  plural: 'schedules',
  singular: 'schedule',
  removed: 'deleted',
  readLocal: (project) =>
    readFiles(project, filesOf(project), {
      singular: 'schedule',
      isOne: (value): value is Content => isObject(value) && 'cron_expression' in value,
      normal,
    }),
  open,
  newFile: (project, _stored, format) =>
    filesOf(project)[0] ?? join(project.folder, `schedules.${format ?? 'ts'}`),
  print: printFile,
};

async function open({ server, out }: Context): Promise<Store> {
  out.progress('schedules');
  const [rows, workflows] = await Promise.all([
    server.list<ScheduleRow>('/v1/schedules', { sort: 'created_at' }),
    listWorkflows(server),
  ]);
  const nameOf = new Map(workflows.map(({ id, kebab_name: name }) => [id, name]));
  const hasQueues = rows.some(({ work_queue_id: id }) => id !== null);
  const queues = () => server.list<WorkQueueRow>('/v1/work-queues');
  const known = hasQueues ? await queues() : [];
  const queueText = ({ workflow_id: id, queue_name: queue }: WorkQueueRow) =>
    `${nameOf.get(id)}/${queue}`;
  const items = rows
    // A schedule of a deleted workflow starts nothing.
    .filter(({ workflow_id: id }) => nameOf.has(id))
    .map((row) => {
      const queue = known.find(({ id }) => id === row.work_queue_id);
      const content = {
        workflow: nameOf.get(row.workflow_id),
        ...Object.fromEntries(
          ['cron_expression', 'is_enabled', ...Object.keys(DEFAULTS)].map((key) => [key, row[key]]),
        ),
        work_queue: queue === undefined ? null : queueText(queue),
      };
      return { key: keyOf(content), id: row.id, content, isIdle: row.finished_at !== null };
    });
  const columnsOf = async ({
    workflow: _workflow,
    work_queue: queue,
    ...columns
  }: Content): Promise<Content> => ({
    ...columns,
    work_queue_id: queue === null ? null : await idOfQueue(String(queue)),
  });
  const idOfQueue = async (text: string): Promise<string> => {
    const found = (await queues()).find((one) => queueText(one) === text);
    if (found !== undefined) return found.id;
    throw usage('unknown_work_queue', `There is no work queue ${text}`, 'Name it workflow/queue.');
  };
  return {
    items: unambiguous(items),
    resolve: (content) => content,
    async create(content) {
      const workflow = await findWorkflow(server, String(content.workflow));
      if (workflow === undefined) {
        throw usage(
          'unknown_workflow',
          `There is no workflow ${String(content.workflow)} to schedule`,
        );
      }
      const columns = await columnsOf(content);
      await server.post('/v1/schedules', { ...columns, workflow_id: workflow.id });
    },
    async change({ id }, content) {
      const { start_immediately: _once, ...columns } = await columnsOf(content);
      await server.patch(`/v1/schedules/${segment(id)}`, columns);
    },
    remove: ({ id }) => server.remove(`/v1/schedules/${segment(id)}`),
  };
}

/** Schedules of a workflow may have one name in the database; all but the first are then known by their ids, too. */
function unambiguous(items: Store['items']): Store['items'] {
  const seen = new Set<string>();
  return items.map((one) => {
    const key = seen.has(one.key) ? `${one.key} (${one.id})` : one.key;
    seen.add(one.key);
    return { ...one, key };
  });
}

function printFile(file: string, contents: readonly Content[]): string {
  const short = contents.map((content) => {
    const { is_enabled: isEnabled, ...rest } = withoutDefaults(content, DEFAULTS);
    return isEnabled === false ? { ...rest, is_enabled: false } : rest;
  });
  if (extname(file) === '.json') return `${JSON.stringify(short, null, 2)}\n`;
  const calls = short.map(({ workflow, ...settings }) => {
    const members = Object.entries(settings).map(([key, value]) => member(key, jsonLiteral(value)));
    return call('defineSchedule', [jsonLiteral(workflow), object(members)]);
  });
  const start = 'export default ';
  return `import { defineSchedule } from 'stepbase/workflow';\n\n${start}${print(list(calls), 0, start.length, 1)};\n`;
}
