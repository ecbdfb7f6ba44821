// push of workflows: saves drafts, publishes them as a whole or not at all, and archives what git has no longer.
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { segment } from '../server.ts';
import type { Comparison } from './compare.ts';
import { hashOf } from './content.ts';
import { errorsOf } from './faults.ts';
import { State } from './state.ts';
import { checkStored, type Fault, publishDraft, saveDraft } from './stored.ts';

export interface Pushed {
  workflow: string;
  action: 'unchanged' | 'saved' | 'published' | 'archived';
  version: number;
  faults: Fault[];
}

export interface PushedWorkflows {
  pushed: Pushed[];
  /** Drafts with errors: if any, nothing was published. */
  broken: number;
}

export async function pushWorkflows(
  context: Context,
  compared: readonly Comparison[],
  willPublish: boolean,
): Promise<PushedWorkflows> {
  const { project, target, server, out } = context;
  const state = new State(project, target);
  const pushed: Pushed[] = [];
  const etags = new Map<string, string | undefined>();
  for (const [index, one] of compared.entries()) {
    out.progressOf(index + 1, compared.length, one.name);
    const { result, etag } = await save(context, one, state, willPublish);
    pushed.push(result);
    etags.set(one.name, etag);
  }
  const broken = pushed.filter(({ faults }) => errorsOf(faults).length > 0).length;
  if (!willPublish || broken > 0) return { pushed, broken };
  for (const [index, result] of pushed.entries()) {
    const stored = compared[index]?.stored;
    if (result.action === 'unchanged' && stored?.isDraft !== true) continue;
    out.progressOf(index + 1, pushed.length, `publish ${result.workflow}`);
    const { version, faults } = await publishDraft(
      server,
      result.workflow,
      etags.get(result.workflow),
      result.action === 'unchanged',
    );
    pushed[index] = { ...result, action: 'published', version: version.version, faults };
  }
  return { pushed, broken };
}

/** Takes workflows out of use that git has no longer. `stepbase push` of the file, or a restore, brings them back. */
export async function archiveWorkflows(
  { project, target, server, out }: Context,
  extra: readonly Comparison[],
): Promise<Pushed[]> {
  const state = new State(project, target);
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

export const driftError = (
  message: string,
  details?: Readonly<Record<string, unknown>>,
): CliError =>
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
  // Someone pruned it; git has it again.
  if (stored?.isArchived) await server.post(`/v1/workflows/${segment(name)}/restore`, {});
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
