// init and upgrade: the files of Stepbase in a Supabase project.
import type { Command } from 'commander';
import type { Context, Result } from '../context.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import { docsPath, readAssets, versionOf } from '../install/assets.ts';
import { type ApplyOptions, applyChanges, changeReport } from '../install/changes.ts';
import { type InstallPlan, planInstall } from '../install/plan.ts';
import { requireSupabaseProject, type SupabaseProject } from '../install/project.ts';
import { compareVersions } from '../install/record.ts';
import type { Act } from '../program.ts';
import { count } from './validate.ts';

interface InitOptions extends ApplyOptions {
  hook: boolean;
}

interface UpgradeOptions extends ApplyOptions {
  hook: boolean;
  dbUrl?: string;
}

export function addInstallCommands(program: Command, act: Act): void {
  const applied = (command: Command) =>
    command
      .option('-y, --yes', 'write the changes without a question')
      .option('--dry-run', 'show the changes and write nothing')
      .option('--full', 'show the whole text of new migrations and functions, too')
      .option('--no-hook', 'leave the access-token hook as it is');
  applied(
    program
      .command('init')
      .summary('add Stepbase to a Supabase project')
      .description(
        'Adds the migrations, the Edge Functions, their settings in supabase/config.toml and a folder stepbase/ to the project. It shows the changes first, asks, and overwrites no file of yours. An access-token hook of the project is called by that of Stepbase.',
      ),
  ).action(act((context, options: InitOptions) => init(context, options)));
  applied(
    program
      .command('upgrade')
      .summary('bring a project to the version of this package')
      .description(
        'Adds the migrations that the project lacks and replaces the Edge Functions. It never changes a migration of the project. With --db-url it also compares the database.',
      )
      .option('--db-url <url>', 'the database as role postgres'),
  ).action(act((context, options: UpgradeOptions) => upgrade(context, options)));
}

async function init(context: Context, options: InitOptions): Promise<Result> {
  const project = requireSupabaseProject(context.path('.'));
  const assets = readAssets();
  const { record } = project;
  if (record !== undefined && record.version !== assets.version) {
    throw usage(
      'other_version',
      `The project has Stepbase ${record.version}, this package is ${assets.version}`,
      'Run `stepbase upgrade`.',
    );
  }
  const plan = planInstall(project, assets, { hook: options.hook, now: new Date() });
  if (plan.changes.length === 0) {
    return {
      data: { version: assets.version, applied: false, files: [], notes: plan.notes, next: [] },
      lines: [`Stepbase ${assets.version} is in this project already. There is nothing to change.`],
    };
  }
  const isApplied = await applyChanges(context, project.root, plan.changes, options);
  const next = isApplied ? firstSteps(project, plan) : [];
  return result(context, plan, { version: assets.version, applied: isApplied, next });
}

async function upgrade(context: Context, options: UpgradeOptions): Promise<Result> {
  const project = requireSupabaseProject(context.path('.'));
  const assets = readAssets();
  const { record } = project;
  if (record === undefined) {
    throw usage('not_installed', 'The project has no Stepbase', 'Run `stepbase init`.');
  }
  if (compareVersions(assets.version, record.version) < 0) {
    throw new CliError(
      EXIT.usage,
      'package_too_old',
      `The project has Stepbase ${record.version}, this package is ${assets.version}`,
      { hint: 'Install a newer package: `npm install --save-dev stepbase-cli@latest`.' },
    );
  }
  const plan = planInstall(project, assets, { hook: options.hook, now: new Date() });
  const database = await compareDatabase(context, project, plan, options.dbUrl);
  const versions = { from: record.version, version: assets.version, ...database.data };
  if (plan.changes.length === 0) {
    return {
      data: { ...versions, applied: false, files: [], notes: plan.notes, next: database.next },
      lines: [
        `The files of the project have version ${assets.version} already.`,
        ...database.lines,
        ...database.next.map((step) => `  ${step}`),
      ],
    };
  }
  if (!context.out.json) {
    context.out.line(`From version ${record.version} to ${assets.version}:`);
    for (const line of database.lines) context.out.line(line);
  }
  const isApplied = await applyChanges(context, project.root, plan.changes, options);
  const next = isApplied
    ? [
        ...databaseSteps(project, plan),
        'npx supabase config push',
        'npx supabase functions deploy --use-api stepbase-api stepbase-worker',
        'npx stepbase doctor',
      ]
    : [];
  return result(context, plan, { ...versions, applied: isApplied, next });
}

interface DatabaseComparison {
  data: object;
  lines: string[];
  next: string[];
}

async function compareDatabase(
  { env }: Context,
  project: SupabaseProject,
  { newMigrations }: InstallPlan,
  dbUrl: string | undefined,
): Promise<DatabaseComparison> {
  if (dbUrl === undefined) return { data: {}, lines: [], next: [] };
  const { readInstalled } = await import('../install/database.ts');
  const { version, applied } = await readInstalled(dbUrl, env);
  const ours = new Set(readAssets().migrations.map((one) => one.version));
  const unknown = [...applied].filter(
    (one) => !ours.has(one) && project.migrations.every((name) => versionOf(name) !== one),
  );
  const pending = [...new Set([...project.migrations, ...newMigrations])]
    .sort()
    .filter((name) => !applied.has(versionOf(name)));
  return {
    data: { database: { version: version ?? null, pending, unknown } },
    lines: [
      version === undefined
        ? 'The database has no Stepbase.'
        : `The database has version ${version}; ${count(pending.length, 'migration')} of the project ${pending.length === 1 ? 'is' : 'are'} not applied.`,
      ...(unknown.length === 0
        ? []
        : [
            `The database has migrations that the project lacks: ${unknown.join(', ')}. A newer version may have been installed.`,
          ]),
    ],
    next: pending.length === 0 ? [] : ['npx supabase db push --remote --include-all'],
  };
}

/** The Supabase CLI refuses a migration that is older than an applied one, unless it is asked to include all. */
function databaseSteps({ migrations }: SupabaseProject, { newMigrations }: InstallPlan): string[] {
  const [first] = newMigrations;
  if (first === undefined) return [];
  const isBehind = migrations.some((name) => versionOf(name) > versionOf(first));
  return [`npx supabase db push --remote${isBehind ? ' --include-all' : ''}`];
}

/** `npx stepbase` finds the command in the package, and the workflows import the other two. */
function installStep({ read }: SupabaseProject): string[] {
  const manifest = read('package.json') ?? '';
  const missing = ['stepbase', 'stepbase-cli', 'zod'].filter(
    (name) => !manifest.includes(`"${name}"`),
  );
  return missing.length === 0 ? [] : [`npm install --save-dev ${missing.join(' ')}`];
}

function firstSteps(project: SupabaseProject, plan: InstallPlan): string[] {
  const deploy = docsPath('operations/deploy.md');
  return [
    ...installStep(project),
    ...(project.read('supabase/.temp/project-ref') === undefined
      ? ['npx supabase link --project-ref <project>']
      : []),
    ...databaseSteps(project, plan),
    'npx supabase config push',
    `Set the password and the environment of the functions: ${deploy}, steps 4 and 5`,
    'npx supabase functions deploy --use-api stepbase-api stepbase-worker',
    `Schedule the worker: ${deploy}, step 7`,
    `Create the first application: ${docsPath('guides/existing-project.md')}, step 4`,
    'npx stepbase link --url https://<project>.supabase.co --app <application>',
    'npx stepbase login',
    'npx stepbase doctor',
    'npx stepbase dev',
  ];
}

function result(
  context: Context,
  { changes, notes }: InstallPlan,
  { applied, next, ...versions }: { applied: boolean; next: string[]; version: string },
): Result {
  return {
    data: { ...versions, applied, files: changeReport(changes), notes, next },
    lines: [
      ...notes.map((note) => `${context.out.style('yellow', 'note:')} ${note}`),
      ...(applied
        ? [`Wrote ${count(changes.length, 'file')}. Next:`, ...next.map((step) => `  ${step}`)]
        : [`${count(changes.length, 'file')} would change. Nothing was written.`]),
    ],
  };
}
