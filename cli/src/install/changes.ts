// Changes of files: they are shown as a unified diff, confirmed, and then written.
import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { writeText } from '../files.ts';
import { confirm } from '../input.ts';

export interface Change {
  /** Relative to the folder of the project, with slashes. */
  path: string;
  /** undefined: there is no such file. */
  before: string | undefined;
  /** undefined: the file is deleted. */
  after: string | undefined;
  /** A file of the package, of which a diff shows only the size. */
  isCopy: boolean;
}

export const actionOf = ({ before, after }: Change): 'create' | 'change' | 'delete' =>
  before === undefined ? 'create' : after === undefined ? 'delete' : 'change';

export function unifiedDiff({
  path,
  before,
  after,
}: Pick<Change, 'path' | 'before' | 'after'>): string {
  return createTwoFilesPatch(
    before === undefined ? '/dev/null' : `a/${path}`,
    after === undefined ? '/dev/null' : `b/${path}`,
    before ?? '',
    after ?? '',
    undefined,
    undefined,
    { context: 3, headerOptions: FILE_HEADERS_ONLY },
  );
}

const lineCount = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

const MARKS = { create: 'new', change: 'changed', delete: 'deleted' } as const;

/** The diff for people. Files of the package are summed up by their folder, unless all are shown. */
export function diffLines({ out }: Context, changes: readonly Change[], isFull: boolean): string[] {
  const shown = changes.filter(({ isCopy }) => isFull || !isCopy);
  const folded = Map.groupBy(
    changes.filter((change) => !shown.includes(change)),
    (change) => `${dirname(change.path)}/ ${actionOf(change)}`,
  );
  const lines = shown.flatMap((change) => unifiedDiff(change).trimEnd().split('\n'));
  return [
    ...lines.map((line) => {
      if (/^(?:\+\+\+|---) /.test(line)) return out.style('bold', line);
      if (line.startsWith('@@')) return out.style('cyan', line);
      if (line.startsWith('+')) return out.style('green', line);
      return line.startsWith('-') ? out.style('red', line) : line;
    }),
    ...(shown.length === 0 ? [] : ['']),
    ...[...folded.values()].map((group) => {
      const [first] = group as [Change, ...Change[]];
      const mark = MARKS[actionOf(first)];
      const place = group.length === 1 ? first.path : `${dirname(first.path)}/`;
      const files = `${group.length} ${mark} file${group.length === 1 ? '' : 's'}`;
      const size = group.reduce(
        (sum, { before, after }) => sum + lineCount(after ?? before ?? ''),
        0,
      );
      return `${place}: ${files} of the package, ${size.toLocaleString('en')} lines`;
    }),
  ];
}

export interface ApplyOptions {
  yes?: boolean;
  dryRun?: boolean;
  full?: boolean;
}

/** Shows the changes and writes them after a confirmation. False: nothing was written, because that was asked for. */
export async function applyChanges(
  context: Context,
  root: string,
  changes: readonly Change[],
  { yes = false, dryRun = false, full = false }: ApplyOptions,
): Promise<boolean> {
  const { out } = context;
  if (!out.json) for (const line of diffLines(context, changes, full)) out.line(line);
  if (dryRun) return false;
  if (!yes) await requireConfirmation(context, 'Write these changes?');
  for (const [index, { path, after }] of changes.entries()) {
    out.progressOf(index + 1, changes.length, path);
    const file = join(root, ...path.split('/'));
    if (after === undefined) removeFile(root, file);
    else writeText(file, after);
  }
  return true;
}

export async function requireConfirmation(context: Context, question: string): Promise<void> {
  const { out, stdin } = context;
  if (out.json || stdin.isTTY !== true) {
    throw new CliError(EXIT.usage, 'not_confirmed', 'The changes were not confirmed', {
      hint: 'Add --yes, or --dry-run to see them only.',
    });
  }
  if (await confirm(`${question} [y/N] `, out)) return;
  throw new CliError(EXIT.usage, 'cancelled', 'Nothing was changed');
}

/** Deletes a file, and the folders that are then empty. */
function removeFile(root: string, file: string): void {
  rmSync(file, { force: true });
  for (let folder = dirname(file); folder.startsWith(root + sep); folder = dirname(folder)) {
    try {
      if (readdirSync(folder).length > 0) return;
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}

/** For --json. */
export const changeReport = (changes: readonly Change[]): object[] =>
  changes.map((change) => ({
    path: change.path,
    action: actionOf(change),
    ...(change.isCopy ? {} : { diff: unifiedDiff(change) }),
  }));
