// What an installation or an upgrade changes in a project. It overwrites only files that the command line wrote and that
// have not changed since; it never changes a migration.
import { CliError, EXIT } from '../errors.ts';
import { type Assets, FUNCTIONS, versionOf } from './assets.ts';
import { type Change, unifiedDiff } from './changes.ts';
import { CONFIG, configured } from './config.ts';
import { HOOK_MIGRATION, hookMigration, type SqlFunction } from './hook.ts';
import type { SupabaseProject } from './project.ts';
import { hashOfText, type InstallRecord, RECORD, recordText, sameText } from './record.ts';

export interface InstallOptions {
  /** False: the access-token hook stays as it is. */
  hook: boolean;
  now: Date;
}

export interface InstallPlan {
  changes: Change[];
  notes: string[];
  /** Names of the migrations that the project gets. */
  newMigrations: string[];
}

const MIGRATIONS = 'supabase/migrations/';
const WORKFLOWS = 'stepbase/workflows/';

const EXAMPLE = `import { defineWorkflow, expr } from 'stepbase/workflow';
import { z } from 'zod';

export const helloWorld = defineWorkflow('hello-world', { input: z.object({ name: z.string() }) }, (w) => {
  w.transform('greet', { expression: expr\`'Hello ' & \${w.input.name}\` });
});
`;

interface Conflict {
  path: string;
  reason: string;
}

export function planInstall(
  project: SupabaseProject,
  assets: Assets,
  { hook, now }: InstallOptions,
): InstallPlan {
  const { record, read } = project;
  const files: Record<string, string> = { ...record?.files };
  const conflicts: Conflict[] = [];
  const changes: Change[] = [];

  /** A file of the package at a path of the project. */
  const place = (path: string, after: string, isCopy: boolean, mayChange: boolean): void => {
    const before = read(path);
    if (before !== undefined && !sameText(before, after)) {
      const isOurs = record?.files[path] === hashOfText(before);
      if (!isOurs || !mayChange) {
        const reason = isOurs
          ? 'differs from that of this package; a migration that may be applied is not changed'
          : 'exists with another content';
        conflicts.push({ path, reason });
        return;
      }
    }
    files[path] = hashOfText(after);
    if (before === undefined || !sameText(before, after))
      changes.push({ path, before, after, isCopy });
  };

  const known = new Set(assets.migrations.map(({ name }) => name));
  const taken = new Map(
    project.migrations.filter((name) => !known.has(name)).map((name) => [versionOf(name), name]),
  );
  const newMigrations: string[] = [];
  for (const { name, version } of assets.migrations) {
    const other = taken.get(version);
    if (other !== undefined) {
      conflicts.push({ path: MIGRATIONS + other, reason: `has the version of ${name}` });
      continue;
    }
    if (read(MIGRATIONS + name) === undefined) newMigrations.push(name);
    place(MIGRATIONS + name, assets.migration(name), true, false);
  }
  for (const name of FUNCTIONS) {
    place(`supabase/functions/${name}/index.js`, assets.edgeFunction(name), true, true);
  }

  const config = configured(project.config, { hook, isComposed: isComposed(project, known) });
  if (config.composes !== undefined) {
    const name = hookMigrationName(project, config.composes, now);
    if (name !== undefined) {
      newMigrations.push(name);
      place(MIGRATIONS + name, hookMigration(config.composes), false, false);
    }
  }
  const edits = [...(record?.config ?? [])];
  if (config.text !== project.config) {
    const change = { path: CONFIG, before: project.config, after: config.text, isCopy: false };
    changes.push(change);
    edits.push(unifiedDiff(change));
  }
  if (record === undefined) {
    for (const [path, text] of starters(project)) place(path, text, false, false);
  }
  if (conflicts.length > 0) throw conflictError(conflicts);

  const before = read(RECORD);
  const next: InstallRecord = { version: assets.version, files, config: edits };
  const after = recordText(next);
  if (before === undefined || !sameText(before, after)) {
    changes.push({ path: RECORD, before, after, isCopy: true });
  }
  return { changes, notes: config.notes, newMigrations };
}

/** Whether a migration of the project calls add_claims in a hook of its own. */
function isComposed({ migrations, read }: SupabaseProject, known: ReadonlySet<string>): boolean {
  return migrations.some(
    (name) =>
      !known.has(name) &&
      !name.endsWith('_stepbase_access_token_hook.sql') &&
      /stepbase_private\s*\.\s*add_claims/.test(read(MIGRATIONS + name) ?? ''),
  );
}

/** The name of the migration that calls the hook of the project; undefined: the newest one does. */
function hookMigrationName(
  { migrations, read }: SupabaseProject,
  hook: SqlFunction,
  now: Date,
): string | undefined {
  const newest = migrations.findLast((name) => name.endsWith('_stepbase_access_token_hook.sql'));
  if (newest === undefined) return HOOK_MIGRATION;
  if (sameText(read(MIGRATIONS + newest) ?? '', hookMigration(hook))) return undefined;
  const time = now.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  return `${time}_stepbase_access_token_hook.sql`;
}

/** The folder of an application, for a project that has none. */
function starters({ read, isModule }: SupabaseProject): [path: string, text: string][] {
  if (read('stepbase/config.json') !== undefined) return [];
  return [
    ['stepbase/config.json', '{\n  "links": {}\n}\n'],
    [`${WORKFLOWS}hello-world.ts`, EXAMPLE],
    // The TypeScript files of the folder are modules, also in a project of scripts.
    ...(isModule || read('stepbase/package.json') !== undefined
      ? []
      : ([['stepbase/package.json', '{\n  "private": true,\n  "type": "module"\n}\n']] satisfies [
          string,
          string,
        ][])),
  ];
}

function conflictError(conflicts: readonly Conflict[]): CliError {
  const [first] = conflicts as [Conflict, ...Conflict[]];
  const more = conflicts.length === 1 ? '' : ` (and ${conflicts.length - 1} more)`;
  return new CliError(EXIT.drift, 'file_changed', `${first.path} ${first.reason}${more}`, {
    hint: 'Nothing was changed. Move your file to another name, or restore that of Stepbase from git.',
    details: { files: conflicts },
  });
}
