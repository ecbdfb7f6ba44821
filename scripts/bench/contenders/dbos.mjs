// DBOS Transact in its usual form: in the process that starts the workflows, with its defaults.

import { DBOS } from '@dbos-inc/dbos-sdk';
import { call, measure, task } from './engine.mjs';

const { steps } = task;

function workflow(name, step) {
  const registered = DBOS.registerWorkflow(
    async () => {
      for (let place = 1; place <= steps; place += 1) {
        await DBOS.runStep(step, { name: `s${place}` });
      }
      return steps;
    },
    { name },
  );
  return async () => {
    const handle = await DBOS.startWorkflow(registered)();
    if ((await handle.getResult()) !== steps) throw new Error('a workflow returned something else');
  };
}

const linear = workflow('linear', async () => 1);
const calling = workflow('calling', call);
DBOS.setConfig({ name: 'bench', systemDatabaseUrl: task.url, logLevel: 'error' });
await DBOS.launch();
await measure({
  schemas: ['dbos'],
  linear,
  calling,
  recorded: `select
      (select count(*)::int from dbos.workflow_status where status = 'SUCCESS') as runs,
      (select count(*)::int from dbos.operation_outputs) as steps`,
});
await DBOS.shutdown();
process.exit(0);
