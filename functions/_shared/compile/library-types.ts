// stepbase/activities.d.ts of a compiled project: the types of the bundled library.

import { handlerName } from './activities-code.ts';

export function libraryTypes(types: readonly string[]): string {
  const handlers = types.map((type) => `export declare const ${handlerName(type)}: StepHandler;\n`);
  return `/** The handler of a step type. */
export interface StepHandler {
  readonly stepType: { readonly name: string };
}

export interface StepFacts {
  /** Time limit of an attempt, in milliseconds. */
  timeoutMs?: number;
  /** The handles of the edges that leave the node, null for an edge without one. A condition chooses among them. */
  handles?: readonly (string | null)[];
}

export interface ActivityStep extends StepFacts {
  readonly readsPlan: boolean;
}

/** The steps of a workflow, by the names of their activities. */
export type Steps = Readonly<Record<string, ActivityStep>>;

/** Throws when a template of the config cannot be compiled. */
export declare function step(handler: StepHandler, config: unknown, facts?: StepFacts): ActivityStep;

export interface WorkerOptions {
  /** The file that exports the workflow. */
  workflowsPath: string;
  steps: Steps;
  /** The code of the application. */
  app: string;
  taskQueue: string;
}

/** Executes tasks until the process gets SIGINT or SIGTERM. */
export declare function runWorker(options: WorkerOptions): Promise<void>;

${handlers.join('')}`;
}
