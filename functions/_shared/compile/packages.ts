// The npm packages of a compiled project, with the versions of Stepbase's own lock files. A test compares them with the
// imports of the bundled handlers.

import { VERSION } from '../version.ts';

const BASE: Readonly<Record<string, string>> = {
  '@jitl/quickjs-singlefile-mjs-release-sync': '0.32.0',
  '@temporalio/activity': '1.24.0',
  '@temporalio/common': '1.24.0',
  '@temporalio/worker': '1.24.0',
  '@temporalio/workflow': '1.24.0',
  jsonata: '2.2.2',
  pg: '8.23.1',
  'quickjs-emscripten-core': '0.32.0',
  zod: '4.6.7',
};

/** What only some step types need. */
const GROUPS = {
  mail: { types: ['send_email'], packages: { nodemailer: '10.6.0' } },
  models: {
    types: ['ai_agent_task', 'llm_call'],
    packages: {
      '@ai-sdk/anthropic': '4.0.105',
      '@ai-sdk/openai': '4.0.118',
      '@ai-sdk/openai-compatible': '3.0.92',
      ai: '7.0.173',
    },
  },
} as const;

type Group = keyof typeof GROUPS;

const groupsOf = (types: readonly string[]): Group[] =>
  (Object.keys(GROUPS) as Group[]).filter((group) =>
    types.some((type) => (GROUPS[group].types as readonly string[]).includes(type)),
  );

/** Projects with the same variant need the same packages. */
export const variantOf = (types: readonly string[]): string =>
  ['base', ...groupsOf(types)].join('-');

/** Where the library for projects with these step types is: a file of the package of the CLI, {files, locks}. */
export const librarySource = (types: readonly string[]) => ({
  package: 'stepbase-cli',
  version: VERSION,
  file: `dist/assets/temporal/${variantOf(types)}.json`,
});

/** Of all step types, those that projects of each variant can use. */
export function typesByVariant(types: readonly string[]): Record<string, string[]> {
  const choices: Group[][] = [[], ['mail'], ['models'], ['mail', 'models']];
  return Object.fromEntries(
    choices.map((groups) => [
      ['base', ...groups].join('-'),
      types.filter((type) => groupsOf([type]).every((group) => groups.includes(group))),
    ]),
  );
}

/** The packages that projects with these step types need. */
export function packagesOf(types: readonly string[]): Record<string, string> {
  const all = Object.assign({}, BASE, ...groupsOf(types).map((group) => GROUPS[group].packages));
  const sorted = Object.entries<string>(all).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(sorted);
}

export const DEV_PACKAGES: Readonly<Record<string, string>> = {
  '@types/node': '26.6.7',
  typescript: '7.0.2',
};
