// Hosts compiled workflows: all in one bundle of workflow code, with a worker for each, in the process of a test or in one
// of their own (host-main.ts).

import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  type NativeConnection,
  Runtime,
  Worker,
} from '@temporalio/worker';
import {
  type Compiled,
  compileWorkflow,
  typesOf,
  type Version,
} from '../../functions/_shared/compile/index.ts';
import { namespace, taskQueue, workflowType } from '../../functions/_shared/compile/names.ts';
import { parseEnv } from '../../functions/_shared/env/env.ts';
import { buildLibrary } from '../../scripts/compile/library.ts';
import type { Steps } from '../activities/step.ts';
import { activitiesOf, createHost, WORKER_SETTINGS } from '../activities/worker.ts';
import { WORK_FOLDER } from '../processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The environment of a worker that needs no database. */
export const NO_DATABASE = {
  DATABASE_URL: 'postgres://unused@127.0.0.1:1/none',
  SUPABASE_URL: 'http://127.0.0.1:1',
  STEPBASE_ALLOW_PRIVATE_NETWORK: 'true',
  LOG_LEVEL: 'error',
};

// Tests have failed attempts on purpose.
Runtime.install({ logger: new DefaultLogger('ERROR') });

export interface Hosted {
  /** Ends the workers in an orderly way. */
  stop(): Promise<void>;
}

export interface HostedWorkflows extends Hosted {
  /** Executes the histories of these runs again. Rejects if the workflow code gives other commands than they have. */
  replay(handles: readonly WorkflowHandle[]): Promise<void>;
}

export interface PrepareOptions {
  versions: readonly Version[];
  /** Replaces text of workflow.ts, for example to continue as new early. */
  edit?: (workflowCode: string, workflow: string) => string;
}

/** Compiled workflows in a folder, from which workers of this and of other processes start. */
export interface Prepared {
  folder: string;
  app: string;
  workflows: readonly { workflow: string; type: string; queue: string }[];
}

export interface HostOptions {
  connection: NativeConnection;
  env?: Record<string, string>;
  /** One worker with this task queue for all versions, which costs less than one for each. */
  queue?: string;
}

async function write(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
  }
}

const bundleOf = (folder: string): string => join(folder, 'bundle.js');

export async function prepareWorkflows(options: PrepareOptions): Promise<Prepared> {
  const { versions, edit = (code) => code } = options;
  const folder = join(WORK_FOLDER, randomUUID());
  const library = await buildLibrary([...new Set(versions.flatMap(typesOf))]);
  const compiled = versions.map((version): [Version, Compiled] => [
    version,
    compileWorkflow(version, library),
  ]);
  // The handlers themselves instead of their bundle, which another test executes.
  const source = (path: string) => JSON.stringify(pathToFileURL(join(ROOT, path)).href);
  const handlers = `export * from ${source('temporal/activities/index.ts')};\nexport * from ${source('temporal/tests/handlers.ts')};\n`;
  await write(folder, {
    ...Object.fromEntries(
      Object.entries(library.files).map(([path, text]) => [`stepbase/${path}`, text]),
    ),
    'stepbase/activities.js': handlers,
    'index.ts': compiled
      .map(([, { temporal_workflow_type: type }]) => `export * from './${type}/workflow.ts';\n`)
      .join(''),
  });
  for (const [{ kebab_name: workflow }, one] of compiled) {
    await write(join(folder, one.temporal_workflow_type), {
      'workflow.ts': edit(one.workflow_code, workflow),
      'activities.ts': one.activities_code,
    });
  }
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(folder, 'index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  await writeFile(bundleOf(folder), code);
  return {
    folder,
    app: versions[0]?.app_code ?? '',
    workflows: compiled.map(([version, { temporal_workflow_type: type }]) => ({
      workflow: version.kebab_name,
      type,
      queue: taskQueue(version.app_code, type),
    })),
  };
}

/** Workers in this process. */
export async function hostPrepared(prepared: Prepared, options: HostOptions): Promise<Hosted> {
  const { folder, app, workflows } = prepared;
  const host = {
    ...createHost(parseEnv({ ...NO_DATABASE, ...options.env })),
    isMirrored: options.env?.DATABASE_URL !== undefined,
  };
  const hosted = await Promise.all(
    workflows.map(async ({ workflow, type, queue }) => {
      const { steps } = (await import(join(folder, type, 'activities.ts'))) as { steps: Steps };
      return { queue, workflow, activities: activitiesOf(steps, host) };
    }),
  );
  const { connection, queue } = options;
  const together = queue === undefined ? hosted : [{ queue, activities: byWorkflow(hosted) }];
  const workers = await Promise.all(
    together.map(({ queue: name, activities }) =>
      Worker.create({
        connection,
        namespace: namespace(app),
        taskQueue: name,
        workflowBundle: { codePath: bundleOf(folder) },
        activities,
        ...WORKER_SETTINGS,
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  return {
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.allSettled(running);
      await host.database.close();
    },
  };
}

/** Prepares the workflows and starts workers in this process. */
export async function hostWorkflows(
  options: PrepareOptions & HostOptions,
): Promise<HostedWorkflows> {
  const prepared = await prepareWorkflows(options);
  const hosted = await hostPrepared(prepared, options);
  return {
    async stop() {
      await hosted.stop();
      await removePrepared(prepared);
    },
    async replay(handles) {
      const bundle = { workflowBundle: { codePath: bundleOf(prepared.folder) } };
      for await (const { error, workflowId } of Worker.runReplayHistories(
        bundle,
        historiesOf(handles),
      )) {
        if (error !== undefined)
          throw new Error(`${workflowId}: ${error.message}`, { cause: error });
      }
    },
  };
}

async function* historiesOf(handles: readonly WorkflowHandle[]) {
  for (const handle of handles) {
    yield { workflowId: handle.workflowId, history: await handle.fetchHistory() };
  }
}

export const removePrepared = ({ folder }: Prepared): Promise<void> =>
  rm(folder, { recursive: true, force: true });

type Activities = ReturnType<typeof activitiesOf>;

/** The activities of several workflows by their names: each call goes to that of its own workflow. */
function byWorkflow(hosted: readonly { workflow: string; activities: Activities }[]): Activities {
  const of = new Map(hosted.map(({ workflow, activities }) => [workflow, activities]));
  const names = new Set(hosted.flatMap(({ activities }) => Object.keys(activities)));
  const dispatch =
    (name: string): Activities[string] =>
    async (call) => {
      const activity = of.get(call.run.workflow)?.[name];
      if (activity === undefined) throw new Error(`${call.run.workflow} has no activity ${name}`);
      return await activity(call);
    };
  return Object.fromEntries([...names].map((name) => [name, dispatch(name)]));
}

export { namespace, taskQueue, workflowType };
