// Compiles a published version to a TypeScript project for Temporal. Pure: it reads nothing, so it runs on Node, Deno and
// in Edge Functions. The caller passes the library (temporal/runtime and the bundled step handlers).

import { activitiesCode, usedTypes } from './activities-code.ts';
import { readNodes } from './graph.ts';
import { libraryTypes } from './library-types.ts';
import { type Lock, type Manifest, pruneLock } from './lock.ts';
import { taskQueue, workflowType } from './names.ts';
import { DEV_PACKAGES, packagesOf } from './packages.ts';
import { manifest, type ProjectFacts, readme, TSCONFIG, workerCode } from './project-files.ts';
import { workflowCode } from './workflow-code.ts';

export { NotCompilable } from './not-compilable.ts';

export interface Version {
  app_code: string;
  kebab_name: string;
  name: string;
  version: number;
  definition: unknown;
  /** retry_count of the components, by the activity that runs them. */
  retry_counts?: Readonly<Record<string, number>>;
}

/** The part of a project that is the same for every workflow with the same step types. */
export interface Library {
  /** By path below stepbase/. */
  files: Readonly<Record<string, string>>;
  /** They contain the packages that the files import. */
  locks: readonly Lock[];
}

/** The columns of workflow_compilations that hold code. */
export interface Compilation {
  workflow_code: string;
  activities_code: string;
  worker_code: string;
  package_json: string;
  tsconfig_json: string;
  temporal_workflow_type: string;
}

export interface Compiled extends Compilation {
  /** The step types that it uses, which a library must have. */
  step_types: string[];
  /** Every file of the project, by path. */
  files: Record<string, string>;
}

/** The step types whose handlers the library needs. Throws NotCompilable. */
export function typesOf({ definition, retry_counts }: Version): string[] {
  return usedTypes(readNodes(definition, retry_counts));
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Without a library, `files` lacks it and the lock file. Throws NotCompilable for a construct that Temporal cannot
 * execute.
 */
export function compileWorkflow(version: Version, library?: Library): Compiled {
  const nodes = readNodes(version.definition, version.retry_counts);
  const type = workflowType(version.kebab_name, version.version);
  const facts: ProjectFacts = {
    appCode: version.app_code,
    kebabName: version.kebab_name,
    name: version.name,
    version: version.version,
    type,
    taskQueue: taskQueue(version.app_code, type),
  };
  const types = usedTypes(nodes);
  const packageJson: Manifest = manifest(facts, packagesOf(types), { ...DEV_PACKAGES });
  const compilation: Compilation = {
    workflow_code: workflowCode(facts, nodes),
    activities_code: activitiesCode(nodes),
    worker_code: workerCode(facts),
    package_json: json(packageJson),
    tsconfig_json: json(TSCONFIG),
    temporal_workflow_type: type,
  };
  return {
    ...compilation,
    step_types: types,
    files: {
      'README.md': readme(facts),
      'package.json': compilation.package_json,
      'tsconfig.json': compilation.tsconfig_json,
      'src/workflow.ts': compilation.workflow_code,
      'src/activities.ts': compilation.activities_code,
      'src/worker.ts': compilation.worker_code,
      'stepbase/activities.d.ts': libraryTypes(types),
      ...(library ? libraryFiles(library, packageJson) : {}),
    },
  };
}

/** The files that a library adds to a project. */
export function libraryFiles(library: Library, packageJson: Manifest): Record<string, string> {
  return {
    'package-lock.json': json(pruneLock(packageJson, library.locks)),
    ...Object.fromEntries(
      Object.entries(library.files).map(([path, text]) => [`stepbase/${path}`, text]),
    ),
  };
}
