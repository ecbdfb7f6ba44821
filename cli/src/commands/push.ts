// push: stores the components of the folder, saves its workflows as drafts, publishes them if asked, and stores its schedules.
// Drift is shown and stops it.
import { requireTarget } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { EXIT, usage } from '../errors.ts';
import {
  type Compared,
  chosenKinds,
  comparedLines,
  compareLocalKinds,
  type KindComparison,
  kindLines,
  readLocalKinds,
} from '../resources/compare.ts';
import type { Kind, LocalResource } from '../resources/kind.ts';
import { type PushedResource, pruneKind, pushKind } from '../resources/push.ts';
import { type Comparison, compare, isDrift } from '../workflows/compare.ts';
import { faultLines } from '../workflows/faults.ts';
import { type LocalWorkflow, refuseFaults, requireWorkflows } from '../workflows/local.ts';
import { childrenFirst } from '../workflows/order.ts';
import {
  archiveWorkflows,
  driftError,
  type Pushed,
  type PushedWorkflows,
  pushWorkflows,
} from '../workflows/push.ts';
import { State } from '../workflows/state.ts';
import { comparisonLines, kindReports, type Only, reportOf, scopeOf } from './diff.ts';
import { count } from './validate.ts';

export interface PushOptions {
  publish?: boolean;
  dryRun?: boolean;
  force?: boolean;
  prune?: boolean;
  only?: Only;
}

export async function push(
  context: Context,
  names: readonly string[],
  options: PushOptions,
): Promise<Result> {
  const { project, target, out } = context;
  const { only, prune = false, publish = false } = options;
  if (prune && names.length > 0) {
    throw usage('prune_with_names', '--prune needs the whole folder, so it takes no names');
  }
  const hasWorkflows = only === undefined || only === 'workflows';
  const workflows = hasWorkflows ? await requireWorkflows(project, names) : [];
  const { local: resources, faults } = await readLocalKinds(context, chosenKinds(names, only));
  refuseFaults(faults);
  await requireTarget(context);
  const known = workflows.map(({ kebab_name }) => kebab_name);
  // Those that only the database has count if they are pruned.
  const scope = prune ? scopeOf(names, only) : known;
  const folder = await compareFolder(context, { workflows, resources }, scope);
  if (options.dryRun === true) return plan(context, folder, prune);
  const { pushed, broken, rows } = await pushFolder(context, folder, options);
  const isRefused = publish && broken > 0;
  return {
    data: {
      link: target.name,
      published: publish && !isRefused,
      workflows: pushed,
      ...Object.fromEntries(
        [...rows].map(([{ plural, singular }, list]) => [
          plural,
          list.map(({ key, action }) => ({ [singular]: key, action })),
        ]),
      ),
    },
    lines: [
      ...pushed.flatMap(({ workflow, faults: found }) => faultLines(out, workflow, found)),
      ...pushed.map(pushedLine),
      ...[...rows].flatMap(([{ singular }, list]) =>
        list.map(({ key, action }) => `${singular} ${key}  ${action}`),
      ),
      ...(isRefused
        ? [`${count(broken, 'draft')} with errors: nothing was published.`]
        : pushed.length === 0 && hasWorkflows
          ? [`There are no workflows in ${project.workflows}.`]
          : []),
    ],
    exit: isRefused ? EXIT.no : EXIT.ok,
  };
}

/** What a push stores. */
export interface LocalFolder {
  workflows: readonly LocalWorkflow[];
  resources: ReadonlyMap<Kind, readonly LocalResource[]>;
}

export interface ComparedFolder {
  workflows: Comparison[];
  kinds: KindComparison[];
}

export async function compareFolder(
  context: Context,
  { workflows, resources }: LocalFolder,
  names: readonly string[] | undefined,
): Promise<ComparedFolder> {
  return {
    workflows: await compare(context, childrenFirst(workflows), { names, which: 'newest' }),
    kinds: await compareLocalKinds(context, resources),
  };
}

export interface PushedFolder extends PushedWorkflows {
  rows: ReadonlyMap<Kind, PushedResource[]>;
}

/** A workflow needs its components, and a schedule its workflow. */
export async function pushFolder(
  context: Context,
  { workflows, kinds }: ComparedFolder,
  { publish = false, prune = false, force = false }: PushOptions,
): Promise<PushedFolder> {
  const compared = workflows.filter(({ local }) => local !== undefined);
  if (!force) refuseDrift(context, compared, kinds);
  const rows = new Map<Kind, PushedResource[]>();
  const pushKinds = async (plural: Kind['plural']) => {
    for (const one of kinds.filter(({ kind }) => kind.plural === plural)) {
      rows.set(one.kind, await pushKind(context, one));
    }
  };
  await pushKinds('components');
  const { pushed, broken } = await pushWorkflows(context, compared, publish);
  if (publish && broken > 0) return { pushed, broken, rows };
  await pushKinds('schedules');
  if (prune) {
    for (const one of kinds) {
      rows.set(one.kind, [...(rows.get(one.kind) ?? []), ...(await pruneKind(context, one))]);
    }
    const extra = workflows.filter(({ local }) => local === undefined);
    pushed.push(...(await archiveWorkflows(context, extra)));
  }
  return { pushed, broken, rows };
}

const TEXTS = {
  unchanged: 'is unchanged in',
  saved: 'saved as draft',
  published: 'published as version',
  archived: 'archived with version',
} as const;

export const pushedLine = ({ workflow, action, version }: Pushed): string =>
  `${workflow}  ${TEXTS[action]} ${version}`;

function plan(
  context: Context,
  { workflows: compared, kinds }: ComparedFolder,
  prune: boolean,
): Result {
  const { out, target, project } = context;
  const state = new State(project, target);
  const drafts = compared.filter(({ status, local }) => status !== 'equal' && local !== undefined);
  const shown = kinds.map((one) => ({
    ...one,
    compared: one.compared.filter(({ status }) => prune || status !== 'only_in_database'),
  }));
  const rows = shown.flatMap((one) => one.compared.filter(({ status }) => status !== 'equal'));
  return {
    data: {
      link: target.name,
      dry_run: true,
      workflows: compared.map((one) => reportOf(one, state)),
      ...kindReports(shown),
    },
    lines: [
      ...compared.flatMap((one) => comparisonLines(out, one, state)),
      ...shown.flatMap((one) => kindLines(out, one)),
      `A push to ${target.name} would save ${count(drafts.length, 'draft')}${rows.length === 0 ? '' : ` and change ${rows.length} of the components and schedules`}.`,
    ],
  };
}

function refuseDrift(
  { out, project, target }: Context,
  compared: readonly Comparison[],
  kinds: readonly KindComparison[],
): void {
  const state = new State(project, target);
  const drifted = compared.filter((one) => isDrift(one, state));
  const rows = kinds.flatMap(({ kind, compared: all }): [Kind, Compared][] =>
    all.filter((one) => one.isDrift).map((one) => [kind, one]),
  );
  if (drifted.length + rows.length === 0) return;
  if (!out.json) {
    for (const one of drifted) for (const line of comparisonLines(out, one, state)) out.note(line);
    for (const [kind, one] of rows)
      for (const line of comparedLines(out, kind, one)) out.note(line);
  }
  const names = [
    ...drifted.map(({ name }) => name),
    ...rows.map(([{ singular }, { key }]) => `${singular} ${key}`),
  ];
  throw driftError(`${target.name} has changes that are not in git: ${names.join(', ')}`, {
    workflows: drifted.map((one) => reportOf(one, state)),
    ...Object.fromEntries(
      kinds.map(({ kind, compared: all }) => [
        kind.plural,
        all.filter((one) => one.isDrift).map(({ key }) => key),
      ]),
    ),
  });
}
