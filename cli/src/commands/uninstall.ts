// uninstall: takes the files of Stepbase out of a project, and Stepbase out of a database.
import type { Command } from 'commander';
import type { Context, Result } from '../context.ts';
import { usage } from '../errors.ts';
import { readAssets } from '../install/assets.ts';
import {
  type ApplyOptions,
  applyChanges,
  changeReport,
  requireConfirmation,
} from '../install/changes.ts';
import { usesHookOfStepbase } from '../install/config.ts';
import { findSupabaseProject, requireSupabaseProject } from '../install/project.ts';
import { planRemoval } from '../install/removal.ts';
import type { Act } from '../program.ts';
import { count } from './validate.ts';

interface UninstallOptions extends ApplyOptions {
  dbUrl?: string;
  printSql?: boolean;
}

export function addUninstallCommand(program: Command, act: Act): void {
  program
    .command('uninstall')
    .summary('remove Stepbase from a project, or from a database')
    .description(
      'Deletes the files that init and upgrade wrote and takes back their changes of supabase/config.toml. It shows the changes first, and keeps files that you changed. With --db-url it removes Stepbase from the database instead, with all workflows, runs and secrets; push the settings first, because users cannot sign in if the function of a hook is missing.',
    )
    .option('--db-url <url>', 'remove Stepbase from this database, as role postgres')
    .option('--print-sql', 'print the script that removes Stepbase from a database')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show the changes and make none')
    .option('--full', 'show the whole text of deleted files, too')
    .action(act((context, options: UninstallOptions) => uninstall(context, options)));
}

function uninstall(context: Context, options: UninstallOptions): Result | Promise<Result> {
  if (options.printSql === true) {
    const sql = readAssets().uninstallSql();
    return { data: { sql }, lines: [sql.trimEnd()] };
  }
  return options.dbUrl === undefined
    ? removeFiles(context, options)
    : removeFromDatabase(context, options.dbUrl, options);
}

async function removeFiles(context: Context, options: UninstallOptions): Promise<Result> {
  const project = requireSupabaseProject(context.path('.'));
  if (project.record === undefined) {
    throw usage(
      'not_installed',
      'The project has no files that `stepbase init` wrote',
      'With --db-url, the command removes Stepbase from a database.',
    );
  }
  const { changes, kept } = planRemoval(project, project.record);
  const isApplied = await applyChanges(context, project.root, changes, options);
  const next = [
    'npx supabase config push',
    'npx supabase functions delete stepbase-worker; npx supabase functions delete stepbase-api',
    'Delete the bucket stepbase-outputs in the dashboard (Storage).',
    'npx stepbase-cli uninstall --db-url <the database as postgres>',
  ];
  return {
    data: { applied: isApplied, files: changeReport(changes), kept, next: isApplied ? next : [] },
    lines: [
      ...kept.map((path) => `${path} was changed since, so it stays.`),
      ...(isApplied
        ? [
            `Changed ${count(changes.length, 'file')}. Stepbase is still in your projects. To remove it there, in this order:`,
            ...next.map((step) => `  ${step}`),
          ]
        : [`${count(changes.length, 'file')} would change. Nothing was written.`]),
    ],
  };
}

async function removeFromDatabase(
  context: Context,
  dbUrl: string,
  { yes = false, dryRun = false }: UninstallOptions,
): Promise<Result> {
  const { hostname, pathname } = addressOf(dbUrl);
  const place = `${hostname}${pathname}`;
  const project = findSupabaseProject(context.path('.'));
  if (project !== undefined && usesHookOfStepbase(project.config)) {
    throw usage(
      'hook_in_use',
      'supabase/config.toml names the access-token hook of Stepbase; without its function, no user can sign in',
      'Run `stepbase uninstall` without --db-url first, and then `npx supabase config push`.',
    );
  }
  const { readInstalled, runUninstall } = await import('../install/database.ts');
  const { version } = await readInstalled(dbUrl, context.env);
  if (version === undefined) {
    return {
      data: { applied: false, database: place, version: null },
      lines: [`${place} has no Stepbase.`],
    };
  }
  if (dryRun) {
    return {
      data: { applied: false, database: place, version },
      lines: [`Stepbase ${version} would be removed from ${place}. Nothing was changed.`],
    };
  }
  if (!yes) {
    await requireConfirmation(
      context,
      `Delete Stepbase ${version} with all workflows, runs and secrets from ${place}?`,
    );
  }
  context.out.progress(`Removing Stepbase from ${place}`);
  const { attempts } = await runUninstall(dbUrl, context.env, readAssets());
  return {
    data: { applied: true, database: place, version, attempts },
    lines: [`Removed Stepbase ${version} from ${place}.`],
  };
}

function addressOf(dbUrl: string): URL {
  if (URL.canParse(dbUrl) && /^postgres(?:ql)?:$/.test(new URL(dbUrl).protocol)) {
    return new URL(dbUrl);
  }
  throw usage('invalid_url', '--db-url must be an address of PostgreSQL, postgres://…');
}
