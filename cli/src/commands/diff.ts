// diff: the differences of the folder from the database. It changes nothing.
import type { Context, Result } from '../context.ts';
import { EXIT } from '../errors.ts';
import type { Output } from '../output.ts';
import {
  chosenKinds,
  compareKinds,
  isEqualKind,
  type KindComparison,
  kindLines,
  kindReport,
} from '../resources/compare.ts';
import { type Comparison, compare, isDrift, versionText } from '../workflows/compare.ts';
import { differenceLines } from '../workflows/content.ts';
import { chosen, requireWorkflows } from '../workflows/local.ts';
import { State } from '../workflows/state.ts';

/** The kinds of a folder. */
export type Only = 'workflows' | 'components' | 'schedules';

export interface DiffOptions {
  published?: boolean;
  only?: Only;
}

export async function diff(
  context: Context,
  names: readonly string[],
  { published = false, only }: DiffOptions,
): Promise<Result> {
  const { project, target, out } = context;
  // A workflow that only the database has can be named, too.
  const all = only === undefined || only === 'workflows' ? await requireWorkflows(project) : [];
  const local = all.filter(({ kebab_name }) => names.length === 0 || names.includes(kebab_name));
  const which = published ? 'published' : 'newest';
  const compared = await compare(context, local, { names: scopeOf(names, only), which });
  for (const name of names) {
    if (compared.every((one) => one.name !== name)) chosen([], [name], target.name);
  }
  const kinds = await compareKinds(context, chosenKinds(names, only));
  const state = new State(project, target);
  const isEqual = compared.every(({ status }) => status === 'equal') && kinds.every(isEqualKind);
  return {
    data: {
      link: target.name,
      equal: isEqual,
      workflows: compared.map((one) => reportOf(one, state)),
      ...kindReports(kinds),
    },
    lines: [
      ...compared.flatMap((one) => comparisonLines(out, one, state)),
      ...kinds.flatMap((one) => kindLines(out, one)),
      ...(isEqual ? [`The folder and ${target.name} are equal.`] : []),
    ],
    exit: isEqual ? EXIT.ok : EXIT.no,
  };
}

/** The workflows to compare: undefined for all of the database, and none if only another kind is asked for. */
export function scopeOf(
  names: readonly string[],
  only: Only | undefined,
): readonly string[] | undefined {
  if (only !== undefined && only !== 'workflows') return [];
  return names.length === 0 ? undefined : names;
}

export const kindReports = (kinds: readonly KindComparison[]): Record<string, unknown> =>
  Object.fromEntries(kinds.map((one) => [one.kind.plural, kindReport(one)]));

export function reportOf(one: Comparison, state: State): Record<string, unknown> {
  const { name, status, local, stored } = one;
  return {
    workflow: name,
    status,
    drift: isDrift(one, state),
    ...(local === undefined ? {} : { file: local.file }),
    ...(stored === undefined ? {} : { version: stored.version, draft: stored.isDraft }),
    differences: one.differences,
  };
}

const STYLES = { '+': 'green', '-': 'red', '~': 'yellow' } as const;

export function comparisonLines(out: Output, one: Comparison, state: State): string[] {
  const { name, status, local, stored } = one;
  const title = out.style('bold', name);
  if (status === 'equal') return [];
  const hasDrift = isDrift(one, state);
  const drift = (text: string) => (hasDrift ? out.style('red', `  ${text}`) : '');
  if (stored === undefined) {
    return [`${title}  only in git (${local?.file})${drift('deleted in the database')}`];
  }
  if (local === undefined) return [`${title}  only in the database (${versionText(stored)})`];
  return [
    `${title}  ${local.file} differs from ${versionText(stored)}${drift('changed in the database, too')}`,
    ...differenceLines(one.differences).map((line) => {
      const style = STYLES[line.charAt(0) as keyof typeof STYLES];
      return `  ${style === undefined ? line : out.style(style, line)}`;
    }),
  ];
}
