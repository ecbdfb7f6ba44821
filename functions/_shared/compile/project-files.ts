// The files of a compiled project that do not depend on its steps.

import type { Manifest } from './lock.ts';

export interface ProjectFacts {
  appCode: string;
  kebabName: string;
  name: string;
  version: number;
  type: string;
  taskQueue: string;
}

export function workerCode({ appCode, taskQueue }: ProjectFacts): string {
  return `// The worker: \`npm start\` executes the workflow and its activities until the process gets SIGINT or SIGTERM.

import { fileURLToPath } from 'node:url';
import { runWorker } from '../stepbase/activities.js';
import { steps } from './activities.ts';

await runWorker({
  workflowsPath: fileURLToPath(new URL('workflow.ts', import.meta.url)),
  steps,
  app: '${appCode}',
  taskQueue: '${taskQueue}',
});
`;
}

export function manifest(
  { appCode, kebabName, version }: ProjectFacts,
  dependencies: Record<string, string>,
  devDependencies: Record<string, string>,
): Manifest {
  return {
    name: `${appCode}-${kebabName}`,
    version: `${version}.0.0`,
    private: true,
    type: 'module',
    engines: { node: '>=22.18' },
    scripts: { start: 'node --env-file-if-exists=.env src/worker.ts', check: 'tsc --noEmit' },
    dependencies,
    devDependencies,
  };
}

export const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    lib: ['es2024', 'esnext.iterator'],
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    noEmit: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    skipLibCheck: true,
  },
  include: ['src', 'stepbase'],
};

export function readme({
  name,
  kebabName,
  version,
  type,
  taskQueue,
  appCode,
}: ProjectFacts): string {
  return `# ${name.replace(/\s+/g, ' ')}

Version ${version} of the workflow \`${kebabName}\`, compiled by Stepbase for Temporal.

| file | content |
| --- | --- |
| \`src/workflow.ts\` | the graph: one function for each step, which awaits the edges into it |
| \`src/activities.ts\` | the handler and the config of each step |
| \`src/worker.ts\` | the worker |
| \`stepbase/runtime/\` | joins, retries, lists, waits and compensation in Temporal's workflow code |
| \`stepbase/activities.js\` | the step handlers of Stepbase |

## Run it

\`\`\`sh
npm ci
npx tsc --noEmit
npm start
\`\`\`

\`npm start\` also reads these variables from the file \`.env\`:

| variable | meaning |
| --- | --- |
| \`STEPBASE_PROJECT\` | the name of the project that the worker serves; none by default |
| \`TEMPORAL_ADDRESS\` | host and port of Temporal; default \`127.0.0.1:7233\` |
| \`TEMPORAL_API_KEY\` | key for Temporal Cloud |
| \`TEMPORAL_TLS\` | \`true\` encrypts the connection; the default with a key |
| \`TEMPORAL_NAMESPACE\` | default \`stepbase-{app}\`, where \`{app}\` stands for \`${appCode}\` |
| \`DATABASE_URL\`, \`SUPABASE_URL\` | the project, as for Stepbase's own worker, with all its other variables |

The worker polls the task queue \`${taskQueue}\`. The workflow type is \`${type}\`, and the workflow id is the id of the run. Stepbase's bridge starts it and mirrors its history. Tasks, approvals, signals, children and queues are decided in the database and arrive as the signal \`stepbase\`.
`;
}
