// The entry points of the npm packages, and the page of the reference that each of them has.

import { type Export, readExports } from './exports.ts';

const CONFIG = 'scripts/docs/sdk/tsconfig.json';

export interface Entry {
  /** What an application imports. */
  name: string;
  /** Its module, below the root of the repository. */
  module: string;
  /** Below docs/reference/. */
  page: string;
  /** What it is for, and the guide that shows it. */
  about: string;
}

export const ENTRIES: readonly Entry[] = [
  {
    name: 'stepbase',
    module: 'sdk/src/index.ts',
    page: 'sdk.md',
    about:
      'Starts and follows runs, answers tasks, and manages schedules and secrets. [Use the SDK](../guides/sdk.md) shows it.',
  },
  {
    name: 'stepbase/live',
    module: 'sdk/src/live/index.ts',
    page: 'sdk-live.md',
    about:
      'The parts of which a page builds its own live views. [Live updates in a UI](../guides/live-updates-in-a-ui.md) shows them.',
  },
  {
    name: 'stepbase/serve',
    module: 'sdk/src/serve/index.ts',
    page: 'sdk-serve.md',
    about:
      'Runs your own code as the steps of workflows. [Your own code](../guides/your-own-code.md#write-handlers-with-the-sdk) shows it.',
  },
  {
    name: 'stepbase/workflow',
    module: 'sdk/src/workflow/index.ts',
    page: 'sdk-workflow.md',
    about:
      'Workflows in TypeScript. [Workflows in code](../guides/workflows-in-code.md) shows it, and [step types](step-types.md) describes the config and the output of each step.',
  },
  {
    name: 'stepbase-test',
    module: 'test-kit/src/index.ts',
    page: 'test-kit.md',
    about:
      'Runs workflows in tests, on the engine itself. [Test a workflow](../guides/test-a-workflow.md) shows it.',
  },
  {
    name: 'stepbase-test/global-setup',
    module: 'test-kit/src/global-setup.ts',
    page: 'test-kit.md',
    about: 'For `globalSetup` of Vitest: one database server for all files of a test run.',
  },
];

export interface Described extends Entry {
  exports: Export[];
}

/** The entry points with what they export. */
export function describedEntries(): Described[] {
  const exports = readExports(
    CONFIG,
    ENTRIES.map(({ module }) => module),
  );
  return ENTRIES.map((entry) => ({ ...entry, exports: exports.get(entry.module) ?? [] }));
}

/** Types whose members are the columns of a table, which docs/reference/schema.md describes. */
export const isRow = ({ file, kind }: Export): boolean =>
  file === 'sdk/src/rows.ts' && kind === 'interface';

/** Types whose members are the step types, which docs/reference/step-types.md describes. */
export const isOfStepTypes = ({ file, name }: Export): boolean =>
  file === 'sdk/src/workflow/step-types.ts' && /^Step(?:Configs|Handles|Outputs)$/.test(name);

/** What has no doc comment: names of exports, and of their members. */
export function undescribed({ name: entry, exports }: Described): string[] {
  return exports.flatMap((one) => [
    ...(one.doc === '' ? [`${entry}: ${one.name}`] : []),
    ...(isRow(one) || isOfStepTypes(one)
      ? []
      : one.members
          .filter(({ doc }) => doc === '')
          .map(({ signature }) => `${entry}: ${one.name}: ${signature}`)),
  ]);
}
