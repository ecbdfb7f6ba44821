// `npm run help`: every command of package.json with one line, in groups. A test compares it with package.json.

import { fileURLToPath } from 'node:url';

interface Group {
  title: string;
  /** Name of the npm script, and what it does. */
  commands: Record<string, string>;
}

export const GROUPS: readonly Group[] = [
  {
    title: 'Run',
    commands: {
      start: 'start the whole stack on this machine; -- --port N, --data DIR, --reset, --no-world',
      demo: 'run three workflows on a throw-away stack and print each step; -- --json',
      bridge: 'connect Temporal with the database of DATABASE_URL; docs/operations/bridge.md',
      explain: 'explain a workflow, or what a run waits for; -- <workflow> [--app APP] | --run ID',
      doctor:
        'check an installation from end to end; -- [--env-file FILE] [--email ADDRESS] [--json]',
      compile: 'write a workflow as a project for Temporal; -- <workflow> --out DIR [--version N]',
      export: 'write the rows of an application as JSON lines; -- --app CODE --out DIR',
    },
  },
  {
    title: 'Test',
    commands: {
      test: 'run every test but the long ones: check, Deno, pgTAP, integration, browser',
      watch: 'run one test file again at every change, on a warm stack; -- <test file>',
      'test:functions': 'run the Deno unit tests of functions/; -- [files]',
      'test:db': 'run the pgTAP tests; -- [part of a path] [--stack stack.json]',
      'test:node': 'run the integration tests; -- [part of a path]',
      'test:browser': 'run the tests of the web client in a real browser',
      'test:long': 'run the long suites: chaos and random graphs for minutes',
      'test:temporal': 'run compiled workflows and the bridge on a real Temporal; -- [files]',
      coverage: 'run the tests and measure the executed lines; fails below 80 %; -- [--json]',
      chaos: 'kill workers, crash the database, audit every run; -- [--short] [--json]',
    },
  },
  {
    title: 'Check',
    commands: {
      check: 'check formatting, lint, types and commit subjects of everything',
      'lint:sql': "check SQL with PostgreSQL's own parser; -- [--fix]",
      'lint:commits': 'check commit subjects: type(scope): imperative, at most 72 characters',
      advisors: 'run the security and performance lints of Supabase on the schema',
      bundle: 'write one file per Edge Function to dist/functions, for a deploy; -- [--json]',
      types: 'generate types/database.ts from the migrations; -- [--check]',
      shots:
        'take a picture of every page of the web client; -- [--only TEXT] [--stack stack.json]',
      docs: 'generate the reference pages and the schema snapshot; -- [--check]',
      release: 'prepare a release; -- version | freeze | pack | check',
    },
  },
  {
    title: 'Measure',
    commands: {
      bench: 'measure Stepbase, its contenders and the limit; -- [--quick] [--json]',
      'bench:fairness': 'measure one run of an app while another app has 10,000 waiting',
      'bench:queries': 'measure the plans and times of the named queries on large tables',
      'bench:replica':
        'measure what reads cost the primary with and without a replica; -- [--runs N]',
      'bench:test-kit':
        'measure the test kit as ratios to one start of its server; -- [--rounds N]',
      scale: 'model the cost of a million steps and the limit of one PostgreSQL; docs/internals',
      soak: 'execute 2 M steps while retention deletes behind, compare quarters; -- [--steps N]',
    },
  },
  { title: 'Learn', commands: { help: 'print this list' } },
];

const NPM_NATIVE: ReadonlySet<string> = new Set(['start', 'test']);

export function helpText(): string {
  const called = (name: string) => (NPM_NATIVE.has(name) ? `npm ${name}` : `npm run ${name}`);
  const names = GROUPS.flatMap(({ commands }) => Object.keys(commands).map(called));
  const width = Math.max(...names.map((name) => name.length));
  return GROUPS.map(({ title, commands }) =>
    [
      title,
      ...Object.entries(commands).map(([name, text]) => `  ${called(name).padEnd(width)}  ${text}`),
    ].join('\n'),
  ).join('\n\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(helpText());
