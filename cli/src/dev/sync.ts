// One turn of `stepbase dev`: reads the folder, pushes what changed since the last turn, and reports each problem with its
// file and line.
import { join } from 'node:path';
import { compareFolder, pushedLine, pushFolder } from '../commands/push.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { readText } from '../files.ts';
import { COMPONENTS } from '../resources/components.ts';
import { hashOfContent, type Kind, type LocalResource } from '../resources/kind.ts';
import { SCHEDULES } from '../resources/schedules.ts';
import { canonical } from '../workflows/content.ts';
import type { LocalFault, LocalWorkflow } from '../workflows/local.ts';
import type { Fault } from '../workflows/stored.ts';
import { lineOfStep } from './places.ts';
import { type FolderContent, readFolder } from './reader.ts';

export interface Problem {
  file: string;
  line: number | null;
  workflow: string | null;
  severity: 'error' | 'warning';
  code: string;
  message: string;
  hint: string | null;
}

export type Report =
  | { type: 'pushed'; text: string }
  | ({ type: 'problem' } & Problem)
  | { type: 'removed'; text: string };

export interface SyncOptions {
  publish?: boolean;
  force?: boolean;
}

/** What an item was when it was last pushed. */
type Memory = Map<string, string>;

export class Sync {
  readonly #context: Context;
  readonly #options: SyncOptions;
  readonly #report: (report: Report) => void;
  #memory: Memory = new Map();
  #problems = '';

  constructor(context: Context, options: SyncOptions, report: (report: Report) => void) {
    this.#context = context;
    this.#options = options;
    this.#report = report;
  }

  async run(signal: AbortSignal): Promise<void> {
    const content = await readFolder(this.#context.project, signal);
    const problems = content.faults.map(problemOf);
    const changed = this.#changed(content);
    // A file with a fault stays as it is in the database.
    const broken = new Set(content.faults.map(({ workflow }) => workflow));
    const workflows = content.workflows.filter(
      (one) => changed.has(workflowKey(one)) && !broken.has(one.kebab_name),
    );
    const resources = new Map<Kind, LocalResource[]>();
    for (const kind of [COMPONENTS, SCHEDULES]) {
      const items = content[kind.plural].filter((one) => changed.has(resourceKey(kind, one)));
      if (items.length > 0) resources.set(kind, items);
    }
    try {
      if (workflows.length + resources.size > 0) {
        problems.push(...(await this.#push(workflows, resources)));
      }
    } catch (error) {
      const { code, message, hint } = cliError(error);
      problems.push({
        ...{ file: 'stepbase', line: null, workflow: null, severity: 'error', code, message },
        hint: hint ?? null,
      });
    }
    this.#show(problems);
  }

  async #push(
    workflows: readonly LocalWorkflow[],
    resources: ReadonlyMap<Kind, readonly LocalResource[]>,
  ): Promise<Problem[]> {
    const names = workflows.map(({ kebab_name }) => kebab_name);
    const folder = await compareFolder(this.#context, { workflows, resources }, names);
    const { pushed, rows } = await pushFolder(this.#context, folder, this.#options);
    for (const [kind, list] of rows) {
      for (const { key, action } of list) {
        const item = resources.get(kind)?.find((one) => one.key === key);
        if (item !== undefined) this.#memory.set(resourceKey(kind, item), resourceHash(item));
        if (action !== 'unchanged') {
          this.#report({ type: 'pushed', text: `${kind.singular} ${key}  ${action}` });
        }
      }
    }
    const problems: Problem[] = [];
    for (const one of pushed) {
      const local = workflows.find(({ kebab_name }) => kebab_name === one.workflow);
      if (local === undefined) continue;
      this.#memory.set(workflowKey(local), workflowHash(local));
      if (one.action !== 'unchanged') this.#report({ type: 'pushed', text: pushedLine(one) });
      problems.push(...one.faults.map((fault) => this.#located(local, fault)));
    }
    return problems;
  }

  /** The keys of what is new or other than at the last push. */
  #changed({ workflows, components, schedules }: FolderContent): Set<string> {
    const present = new Map<string, string>([
      ...workflows.map((one): [string, string] => [workflowKey(one), workflowHash(one)]),
      ...components.map((one): [string, string] => [
        resourceKey(COMPONENTS, one),
        resourceHash(one),
      ]),
      ...schedules.map((one): [string, string] => [resourceKey(SCHEDULES, one), resourceHash(one)]),
    ]);
    for (const key of this.#memory.keys()) {
      if (present.has(key)) continue;
      this.#memory.delete(key);
      this.#report({
        type: 'removed',
        text: `${key}  is not in the folder any more, and stays in the database until \`stepbase push --prune\``,
      });
    }
    return new Set(
      [...present].filter(([key, hash]) => this.#memory.get(key) !== hash).map(([key]) => key),
    );
  }

  #located({ file, kebab_name: workflow }: LocalWorkflow, fault: Fault): Problem {
    const text = readText(join(this.#context.project.folder, '..', file)) ?? '';
    const line = fault.node === null ? undefined : lineOfStep(text, file, fault.node);
    const { severity, code, message, hint } = fault;
    return { file, line: line ?? null, workflow, severity, code, message, hint: hint ?? null };
  }

  /** The same problems are not repeated at each turn. */
  #show(problems: readonly Problem[]): void {
    const text = JSON.stringify(problems);
    if (text === this.#problems) return;
    this.#problems = text;
    for (const problem of problems) this.#report({ type: 'problem', ...problem });
  }
}

const problemOf = ({ file, line, workflow, code, message, hint }: LocalFault): Problem => ({
  ...{ file, line: line ?? null, workflow: workflow ?? null, severity: 'error' as const },
  ...{ code, message, hint: hint ?? null },
});

const workflowKey = ({ kebab_name }: LocalWorkflow): string => `workflow ${kebab_name}`;
const workflowHash = ({ file: _file, ...content }: LocalWorkflow): string => canonical(content);
const resourceKey = ({ singular }: Kind, { key }: LocalResource): string => `${singular} ${key}`;
const resourceHash = ({ content }: LocalResource): string =>
  `${hashOfContent(content)} ${String(content.is_enabled)}`;
