// publish: publishes drafts that are in the database, if they are those of the folder.
import { requireTarget } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { compare } from '../workflows/compare.ts';
import { faultLines } from '../workflows/faults.ts';
import { chosen, requireWorkflows } from '../workflows/local.ts';
import { State } from '../workflows/state.ts';
import { type Fault, publishDraft } from '../workflows/stored.ts';
import { comparisonLines, reportOf } from './diff.ts';

interface Published {
  workflow: string;
  action: 'published' | 'unchanged';
  version: number;
  faults: Fault[];
}

export async function publish(
  context: Context,
  names: readonly string[],
  { force = false }: { force?: boolean },
): Promise<Result> {
  const { project, target, server, out } = context;
  const all = await requireWorkflows(project);
  await requireTarget(context);
  const state = new State(project, target);
  const local = all.filter(({ kebab_name }) => names.length === 0 || names.includes(kebab_name));
  const wanted = names.length === 0 ? local.map(({ kebab_name }) => kebab_name) : names;
  const compared = await compare(context, local, { names: wanted, which: 'newest' });
  const stored = compared.flatMap((one) => (one.stored === undefined ? [] : [one.stored]));
  const drafts = chosen(stored, wanted, target.name);

  const differing = compared.filter(
    ({ status, stored: one }) => status === 'changed' && one?.isDraft,
  );
  if (!force && differing.length > 0) {
    if (!out.json) {
      for (const one of differing)
        for (const line of comparisonLines(out, one, state)) out.note(line);
    }
    const list = differing.map(({ name }) => name).join(', ');
    throw new CliError(EXIT.drift, 'drift', `The drafts differ from git: ${list}`, {
      hint: 'Push the folder with `stepbase push --publish`, or publish the drafts with --force.',
      details: { workflows: differing.map((one) => reportOf(one, state)) },
    });
  }
  const published: Published[] = [];
  for (const { kebab_name: workflow, isDraft, etag, version } of drafts) {
    if (!isDraft) {
      published.push({ workflow, action: 'unchanged', version, faults: [] });
      continue;
    }
    const answer = await publishDraft(server, workflow, etag);
    const { faults } = answer;
    published.push({ workflow, action: 'published', version: answer.version.version, faults });
  }
  return {
    data: { link: target.name, workflows: published },
    lines: [
      ...published.flatMap(({ workflow, faults }) => faultLines(out, workflow, faults)),
      ...published.map(({ workflow, action, version }) =>
        action === 'published'
          ? `${workflow}  published as version ${version}`
          : `${workflow}  has no draft; version ${version} is published`,
      ),
    ],
  };
}
