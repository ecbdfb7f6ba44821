// pull of components and schedules: writes the files that hold them. A file keeps its form; its comments are lost.
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { writeText } from '../files.ts';
import { pathIn } from '../workflows/local.ts';
import { State } from '../workflows/state.ts';
import type { Compared, KindComparison } from './compare.ts';
import { type Content, hashOfContent } from './kind.ts';

export interface PulledResource {
  key: string;
  action: 'unchanged' | 'written' | 'only_in_git';
  file: string;
}

/** Whether the file has a change that the link has not seen. */
export function isChangedHere(
  context: Context,
  { kind, store }: KindComparison,
  { key, status, local }: Compared,
): boolean {
  if (status !== 'changed' || local === undefined) return false;
  const seen = new State(context.project, context.target).hash(key, kind.plural);
  return seen !== hashOfContent(store.resolve(local.content));
}

export function pullKind(
  { project, target }: Context,
  { kind, compared }: KindComparison,
  format: 'ts' | 'json' | undefined,
): PulledResource[] {
  const state = new State(project, target);
  const root = join(project.folder, '..');
  const isNew = ({ status }: Compared) => status === 'only_in_database' || status === 'changed';
  const pulled = compared.map((one): PulledResource & { content: Content } => {
    const { key, local, stored } = one;
    const file =
      local?.file ??
      (stored === undefined ? '' : pathIn(project, kind.newFile(project, stored, format)));
    const content = isNew(one) ? contentOf(one) : (local?.content ?? {});
    const action = isNew(one) ? 'written' : stored === undefined ? 'only_in_git' : 'unchanged';
    return { key, action, file, content };
  });
  const changed = new Set(
    pulled.filter(({ action }) => action === 'written').map(({ file }) => file),
  );
  for (const file of changed) {
    const contents = pulled.filter((one) => one.file === file).map(({ content }) => content);
    writeText(join(root, file), kind.print(file, contents));
  }
  for (const { key, stored } of compared) {
    if (stored !== undefined) state.note(key, hashOfContent(stored.content), kind.plural);
  }
  return pulled.map(({ key, action, file }) => ({ key, action, file }));
}

/** The content of the database; what it does not compare stays as the file has it. */
function contentOf({ local, stored }: Compared): Content {
  const content = stored?.content ?? {};
  if (local === undefined) return content;
  const kept = Object.entries(local.content).filter(([key]) => !(key in content));
  return { ...content, ...Object.fromEntries(kept) };
}
