// OpenWorkflow in its usual form: a worker that polls the database, here in the process that starts the workflows. Its
// concurrency is that of all contenders; everything else is the library's default.

import { OpenWorkflow } from 'openworkflow';
import { BackendPostgres } from 'openworkflow/postgres';
import { call, measure, task } from './engine.mjs';

const { steps, inFlight } = task;
const backend = await BackendPostgres.connect(task.url);

// A handle polls the result every second. The measurement learns of the end as soon as the worker has written it.
const ends = new Map();
function endOf(id) {
  const end = ends.get(id) ?? Promise.withResolvers();
  ends.set(id, end);
  return end;
}
const complete = backend.completeWorkflowRun.bind(backend);
backend.completeWorkflowRun = async (params) => {
  const run = await complete(params);
  endOf(run.id).resolve(run);
  return run;
};

const openWorkflow = new OpenWorkflow({ backend });

function workflow(name, work) {
  const defined = openWorkflow.defineWorkflow({ name }, async ({ step }) => {
    for (let place = 1; place <= steps; place += 1) await step.run({ name: `s${place}` }, work);
    return steps;
  });
  return async () => {
    const handle = await defined.run({});
    const { id } = handle.workflowRun;
    const run = await endOf(id).promise;
    ends.delete(id);
    if (run.output !== steps) throw new Error('a workflow returned something else');
  };
}

const linear = workflow('linear', async () => 1);
const calling = workflow('calling', call);
const worker = openWorkflow.newWorker({ concurrency: inFlight });
await worker.start();
await measure({
  schemas: ['openworkflow'],
  linear,
  calling,
  recorded: `select
      (select count(*)::int from openworkflow.workflow_runs where status = 'completed') as runs,
      (select count(*)::int from openworkflow.step_attempts where status = 'completed') as steps`,
});
await worker.stop();
await backend.stop();
process.exit(0);
