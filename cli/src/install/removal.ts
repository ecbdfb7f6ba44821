// What an uninstall changes in a project: it deletes the files that the command line wrote and takes back its changes of
// supabase/config.toml. Files that someone changed since stay.

import { applyPatch, parsePatch, reversePatch } from 'diff';
import { usage } from '../errors.ts';
import { docsPath } from './assets.ts';
import type { Change } from './changes.ts';
import { CONFIG, usesHookOfStepbase } from './config.ts';
import type { SupabaseProject } from './project.ts';
import { hashOfText, type InstallRecord, RECORD } from './record.ts';

export interface RemovalPlan {
  changes: Change[];
  /** Files that have changed since, and stay. */
  kept: string[];
}

export function planRemoval(project: SupabaseProject, record: InstallRecord): RemovalPlan {
  const { config, read } = project;
  const changes: Change[] = [];
  const kept: string[] = [];
  for (const [path, hash] of Object.entries(record.files)) {
    const before = read(path);
    if (before === undefined) continue;
    if (hashOfText(before) !== hash) kept.push(path);
    else changes.push({ path, before, after: undefined, isCopy: path.startsWith('supabase/') });
  }
  const after = withoutEdits(config, record.config);
  if (after !== config) changes.push({ path: CONFIG, before: config, after, isCopy: false });
  changes.push({ path: RECORD, before: read(RECORD), after: undefined, isCopy: true });
  return { changes, kept };
}

/** Takes back the recorded changes, the newest first. Other changes of the file stay. */
function withoutEdits(text: string, edits: readonly string[]): string {
  let result = text;
  for (const edit of edits.toReversed()) {
    const [patch] = parsePatch(edit);
    const back =
      patch === undefined ? false : applyPatch(result, reversePatch(patch), { fuzzFactor: 2 });
    if (back === false) throw byHand();
    result = back;
  }
  if (usesHookOfStepbase(result)) throw byHand();
  return result;
}

const byHand = () =>
  usage(
    'config_changed',
    `${CONFIG} was changed where Stepbase has its settings`,
    `Remove them by hand, as ${docsPath('operations/uninstall.md')} says, set "config" in stepbase/install.json to [], and run the command again.`,
  );
