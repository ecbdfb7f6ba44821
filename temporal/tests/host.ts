// Hosts compiled workflows in the process of a test: all in one bundle of workflow code, with a worker for each.

import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
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

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Below temporal/, so that the packages of both are found; git ignores it. */
const FOLDER = join(ROOT, 'temporal', '.stepbase-test');

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

export interface HostOptions {
  connection: NativeConnection;
  versions: readonly Version[];
  env?: Record<string, string>;
  /** Replaces text of workflow.ts, for example to continue as new early. */
  edit?: (workflowCode: string) => string;
  /** One worker with this task queue for all versions, which costs less than one for each. */
  queue?: string;
  /** Forgets workflows after each task, so that every task replays the history. */
  replays?: boolean;
}

async function write(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
  }
}

export async function hostWorkflows(options: HostOptions): Promise<Hosted> {
  const { connection, versions, edit = (code) => code } = options;
  const folder = join(FOLDER, randomUUID());
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
  for (const [, one] of compiled) {
    await write(join(folder, one.temporal_workflow_type), {
      'workflow.ts': edit(one.workflow_code),
      'activities.ts': one.activities_code,
    });
  }
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(folder, 'index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  const host = {
    ...createHost(parseEnv({ ...NO_DATABASE, ...options.env })),
    isMirrored: options.env?.DATABASE_URL !== undefined,
  };
  const hosted = await Promise.all(
    compiled.map(async ([version, { temporal_workflow_type: type }]) => {
      const { steps } = (await import(join(folder, type, 'activities.ts'))) as { steps: Steps };
      const queue = taskQueue(version.app_code, type);
      return { queue, workflow: version.kebab_name, activities: activitiesOf(steps, host) };
    }),
  );
  const [{ app_code: app = '' } = {}] = versions;
  const { queue } = options;
  const together = queue === undefined ? hosted : [{ queue, activities: byWorkflow(hosted) }];
  const workers = await Promise.all(
    together.map(({ queue: name, activities }) =>
      Worker.create({
        connection,
        namespace: namespace(app),
        taskQueue: name,
        workflowBundle,
        activities,
        ...WORKER_SETTINGS,
        ...(options.replays ? { maxCachedWorkflows: 0 } : {}),
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  return {
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.allSettled(running);
      await host.database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

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
