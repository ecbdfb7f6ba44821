// push: saves the workflows of the folder as drafts, and publishes them if asked. Drift is shown and stops it.
import { requireTarget } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { type Comparison, compare, isDrift } from '../workflows/compare.ts';
import { hashOf } from '../workflows/content.ts';
import { errorsOf, faultLines } from '../workflows/faults.ts';
import { requireWorkflows } from '../workflows/local.ts';
import { childrenFirst } from '../workflows/order.ts';
import { State } from '../workflows/state.ts';
import { checkStored, type Fault, publishDraft, saveDraft } from '../workflows/stored.ts';
import { comparisonLines, reportOf } from './diff.ts';
import { count } from './validate.ts';

export interface PushOptions {
  publish?: boolean;
  dryRun?: boolean;
  force?: boolean;
}

interface Pushed {
  workflow: string;
  action: 'unchanged' | 'saved' | 'published';
  version: number;
  faults: Fault[];
}

export async function push(
  context: Context,
  names: readonly string[],
  options: PushOptions,
): Promise<Result> {
  const { project, target, out } = context;
  const local = childrenFirst(await requireWorkflows(project, names));
  await requireTarget(context);
  const state = new State(project, target);
  const known = local.map(({ kebab_name }) => kebab_name);
  const compared = await compare(context, local, { names: known, which: 'newest' });
  if (options.dryRun === true) return plan(context, compared, state);
  if (options.force !== true) refuseDrift(context, compared, state);

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
  return {
    data: {
      link: target.name,
      published: options.publish === true && !isRefused,
      workflows: pushed,
    },
    lines: [
      ...pushed.flatMap(({ workflow, faults }) => faultLines(out, workflow, faults)),
      ...pushed.map(({ workflow, action, version }) => `${workflow}  ${TEXTS[action]} ${version}`),
      ...(isRefused
        ? [`${count(broken.length, 'draft')} with errors: nothing was published.`]
        : pushed.length === 0
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
} as const;

function plan({ out, target }: Context, compared: readonly Comparison[], state: State): Result {
  const changed = compared.filter(({ status }) => status !== 'equal');
  return {
    data: {
      link: target.name,
      dry_run: true,
      workflows: compared.map((one) => reportOf(one, state)),
    },
    lines: [
      ...compared.flatMap((one) => comparisonLines(out, one, state)),
      `A push to ${target.name} would save ${count(changed.length, 'draft')}.`,
    ],
  };
}

function refuseDrift(
  { out, target }: Context,
  compared: readonly Comparison[],
  state: State,
): void {
  const drifted = compared.filter((one) => isDrift(one, state));
  if (drifted.length === 0) return;
  if (!out.json)
    for (const one of drifted) for (const line of comparisonLines(out, one, state)) out.note(line);
  throw driftError(
    `${target.name} has changes that are not in git: ${drifted.map(({ name }) => name).join(', ')}`,
    { workflows: drifted.map((one) => reportOf(one, state)) },
  );
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
