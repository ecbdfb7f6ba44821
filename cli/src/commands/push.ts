// push: stores the components of the folder, saves its workflows as drafts, publishes them if asked, and stores its schedules.
// Drift is shown and stops it.
import { requireTarget } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import {
  type Compared,
  chosenKinds,
  comparedLines,
  compareKinds,
  type KindComparison,
  kindLines,
} from '../resources/compare.ts';
import type { Kind } from '../resources/kind.ts';
import { type PushedResource, pruneKind, pushKind } from '../resources/push.ts';
import { segment } from '../server.ts';
import { type Comparison, compare, isDrift } from '../workflows/compare.ts';
import { hashOf } from '../workflows/content.ts';
import { errorsOf, faultLines } from '../workflows/faults.ts';
import { requireWorkflows } from '../workflows/local.ts';
import { childrenFirst } from '../workflows/order.ts';
import { State } from '../workflows/state.ts';
import { checkStored, type Fault, publishDraft, saveDraft } from '../workflows/stored.ts';
import { comparisonLines, kindReports, type Only, reportOf, scopeOf } from './diff.ts';
import { count } from './validate.ts';

export interface PushOptions {
  publish?: boolean;
  dryRun?: boolean;
  force?: boolean;
  prune?: boolean;
  only?: Only;
}

interface Pushed {
  workflow: string;
  action: 'unchanged' | 'saved' | 'published' | 'archived';
  version: number;
  faults: Fault[];
}

export async function push(
  context: Context,
  names: readonly string[],
  options: PushOptions,
): Promise<Result> {
  const { project, target, out } = context;
  const { only, prune = false } = options;
  if (prune && names.length > 0) {
    throw usage('prune_with_names', '--prune needs the whole folder, so it takes no names');
  }
  const hasWorkflows = only === undefined || only === 'workflows';
  const local = hasWorkflows ? childrenFirst(await requireWorkflows(project, names)) : [];
  await requireTarget(context);
  const state = new State(project, target);
  const known = local.map(({ kebab_name }) => kebab_name);
  // Those that only the database has count if they are pruned.
  const scope = prune ? scopeOf(names, only) : known;
  const all = await compare(context, local, { names: scope, which: 'newest' });
  const compared = all.filter((one) => one.local !== undefined);
  const extra = prune ? all.filter((one) => one.local === undefined) : [];
  const kinds = await compareKinds(context, chosenKinds(names, only));
  if (options.dryRun === true) return plan(context, [...compared, ...extra], kinds, prune);
  if (options.force !== true) refuseDrift(context, compared, kinds, state);

  const resources = new Map<Kind, PushedResource[]>();
  const pushKinds = async (plural: Kind['plural']) => {
    for (const one of kinds.filter(({ kind }) => kind.plural === plural)) {
      resources.set(one.kind, await pushKind(context, one));
    }
  };
  // A workflow needs its components, and a schedule its workflow.
  await pushKinds('components');
  const pushed: Pushed[] = [];
  const etags = new Map<string, string | undefined>();
  for (const [index, one] of compared.entries()) {
    out.progress(`${index + 1}/${compared.length} ${one.name}`);
    const { result, etag } = await save(context, one, state, options.publish === true);
    pushed.push(result);
    etags.set(one.name, etag);
  }
  const broken = pushed.filter(({ faults }) => errorsOf(faults).length > 0);
  if (options.publish === true && broken.length === 0) {
    for (const [index, result] of pushed.entries()) {
      const stored = compared[index]?.stored;
      if (result.action === 'unchanged' && stored?.isDraft !== true) continue;
      out.progress(`${index + 1}/${pushed.length} ${result.workflow}: publish`);
      const { version, faults } = await publishDraft(
        context.server,
        result.workflow,
        etags.get(result.workflow),
        result.action === 'unchanged',
      );
      pushed[index] = { ...result, action: 'published', version: version.version, faults };
    }
  }
  const isRefused = options.publish === true && broken.length > 0;
  if (!isRefused) {
    await pushKinds('schedules');
    if (prune) {
      for (const one of kinds) {
        const pruned = await pruneKind(context, one);
        resources.set(one.kind, [...(resources.get(one.kind) ?? []), ...pruned]);
      }
      pushed.push(...(await archive(context, extra, state)));
    }
  }
  return {
    data: {
      link: target.name,
      published: options.publish === true && !isRefused,
      workflows: pushed,
      ...Object.fromEntries(
        [...resources].map(([{ plural, singular }, list]) => [
          plural,
          list.map(({ key, action }) => ({ [singular]: key, action })),
        ]),
      ),
    },
    lines: [
      ...pushed.flatMap(({ workflow, faults }) => faultLines(out, workflow, faults)),
      ...pushed.map(({ workflow, action, version }) => `${workflow}  ${TEXTS[action]} ${version}`),
      ...[...resources].flatMap(([{ singular }, list]) =>
        list.map(({ key, action }) => `${singular} ${key}  ${action}`),
      ),
      ...(isRefused
        ? [`${count(broken.length, 'draft')} with errors: nothing was published.`]
        : pushed.length === 0 && hasWorkflows
          ? [`There are no workflows in ${project.workflows}.`]
          : []),
    ],
    exit: isRefused ? EXIT.no : EXIT.ok,
  };
}

const TEXTS = {
  unchanged: 'is unchanged in',
  saved: 'saved as draft',
  published: 'published as version',
  archived: 'archived with version',
} as const;

/** Takes workflows out of use that git has no longer. `stepbase push` of the file, or a restore, brings them back. */
async function archive(
  { server, out }: Context,
  extra: readonly Comparison[],
  state: State,
): Promise<Pushed[]> {
  const archived: Pushed[] = [];
  for (const { name, stored } of extra) {
    out.progress(`${name}: archive`);
    await server.post(`/v1/workflows/${segment(name)}/archive`, {});
    state.forget(name);
    archived.push({
      workflow: name,
      action: 'archived',
      version: stored?.version ?? 0,
      faults: [],
    });
  }
  return archived;
}

function plan(
  context: Context,
  compared: readonly Comparison[],
  kinds: readonly KindComparison[],
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
  { out, target }: Context,
  compared: readonly Comparison[],
  kinds: readonly KindComparison[],
  state: State,
): void {
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

const driftError = (message: string, details?: Readonly<Record<string, unknown>>): CliError =>
  new CliError(EXIT.drift, 'drift', message, {
    hint: 'Get them with `stepbase pull`, or overwrite them with --force.',
    details,
  });

async function save(
  { server, target }: Context,
  { name, status, local, stored }: Comparison,
  state: State,
  willPublish: boolean,
): Promise<{ result: Pushed; etag: string | undefined }> {
  if (local === undefined) throw new Error(`${name} is not in the folder`);
  if (status === 'equal' && stored !== undefined) {
    state.note(name, hashOf(stored));
    const { version, etag, isDraft } = stored;
    // The save of an earlier push has reported them, but nothing is published with an error.
    const faults = isDraft && willPublish ? await checkStored(server, local) : [];
    return { result: { workflow: name, action: 'unchanged', version, faults }, etag };
  }
  try {
    const { body, etag } = await saveDraft(server, local, stored?.etag);
    const { version, faults } = body;
    state.note(name, hashOf(version));
    return { result: { workflow: name, action: 'saved', version: version.version, faults }, etag };
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'precondition_failed') throw error;
    throw driftError(`The draft of ${name} in ${target.name} was saved while it was compared`);
  }
}
