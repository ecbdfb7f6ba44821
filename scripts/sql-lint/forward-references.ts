// References that point forward: a function whose body names an object that a later migration creates.
// PL/pgSQL resolves names when a statement first runs, so this works, but a reader of the migrations in
// order meets the name before its definition. Such a pair must be declared below with its reason.
import { isTree, type Source, type Statement, tokens, walk } from './source.ts';

export interface ForwardReference {
  /** Name of the migration without its number, such as `fail`. */
  file: string;
  /** The object that a later migration creates, such as `stepbase_engine.settle_items`. */
  object: string;
}

/** A reference that is meant to point forward, with the reason. */
export interface DeclaredReference extends ForwardReference {
  reason: string;
}

// The verbs of the kernel come first in reading order; each calls the features that are built on it at one point.
const ITEMS =
  'the kernel hands items of for_each to the feature, which completes steps through the kernel';
const AGENTS =
  'the kernel tells the feature that a tool of an agent has ended; agents are built on steps and come later';
const COMPENSATION =
  'the kernel hands a run that ends to compensation, which runs its steps through the kernel';
const WAITING = 'a step that starts to wait is matched at once by the feature that ends its wait';
const BACKLOG =
  'a run that starts or ends leaves the backlog, which admission fills through the kernel';

export const DECLARED: readonly DeclaredReference[] = [
  { file: 'claim', object: 'stepbase_engine.run_backlog', reason: BACKLOG },
  { file: 'end_runs', object: 'stepbase_engine.run_backlog', reason: BACKLOG },
  { file: 'complete', object: 'stepbase_engine.advance_items', reason: ITEMS },
  { file: 'complete_waiting_steps', object: 'stepbase_engine.advance_items', reason: ITEMS },
  { file: 'fail', object: 'stepbase_engine.advance_items', reason: ITEMS },
  { file: 'complete', object: 'stepbase_engine.record_tool_results', reason: AGENTS },
  {
    file: 'complete_waiting_steps',
    object: 'stepbase_engine.record_tool_results',
    reason: AGENTS,
  },
  { file: 'fail', object: 'stepbase_engine.record_tool_results', reason: AGENTS },
  { file: 'fail', object: 'stepbase_engine.stop_tools', reason: AGENTS },
  { file: 'wait', object: 'stepbase_engine.continue_agents', reason: WAITING },
  { file: 'complete', object: 'stepbase_engine.continue_compensation', reason: COMPENSATION },
  {
    file: 'complete_waiting_steps',
    object: 'stepbase_engine.continue_compensation',
    reason: COMPENSATION,
  },
  { file: 'fail', object: 'stepbase_engine.continue_compensation', reason: COMPENSATION },
  { file: 'end_runs', object: 'stepbase_engine.continue_compensation', reason: COMPENSATION },
  { file: 'end_runs', object: 'stepbase_engine.begin_compensation', reason: COMPENSATION },
  { file: 'end_runs', object: 'stepbase_engine.next_compensation', reason: COMPENSATION },
  { file: 'wake', object: 'stepbase_engine.stop_compensation', reason: COMPENSATION },
  { file: 'wait', object: 'stepbase_engine.expand_items', reason: WAITING },
  { file: 'wait', object: 'stepbase_engine.start_children', reason: WAITING },
  { file: 'wait', object: 'stepbase_engine.wait_for_items', reason: WAITING },
  { file: 'wait', object: 'stepbase_engine.deliver_signals', reason: WAITING },
  {
    file: 'graph_sync',
    object: 'stepbase.runs',
    reason:
      'a version that has runs cannot change; runs are described after the definitions they execute',
  },
  {
    file: 'complete',
    object: 'stepbase_engine.complete_eagerly',
    reason: 'eager execution is an optimization of complete and is explained after it',
  },
  {
    file: 'complete',
    object: 'stepbase_engine.emit_from_steps',
    reason: 'an emit_event step writes its event with its result; triggers come later',
  },
  {
    file: 'wait',
    object: 'stepbase_engine.announce_tasks',
    reason: 'a task is announced in the transaction that creates it; events come later',
  },
  {
    file: 'fail',
    object: 'stepbase_engine.detach_children',
    reason: 'a step that fails detaches its child run; child runs come later',
  },
  {
    file: 'run_agents',
    object: 'stepbase_engine.detach_children',
    reason: 'tools that stop detach their child runs; the ends of child runs come later',
  },
  {
    file: 'component_pins',
    object: 'stepbase_engine.pin_tools',
    reason: 'the components of tools are pinned with those of steps; tools are described later',
  },
  {
    file: 'component_pins',
    object: 'stepbase_engine.pinned_tools',
    reason: 'the components of a node include those of its tools, which are described later',
  },
  {
    file: 'component_pins',
    object: 'stepbase_private.agent_tools',
    reason: 'the components of a node include those of its tools, which are described later',
  },
  {
    file: 'step_problems',
    object: 'stepbase_private.tool_problems',
    reason: 'the problems of a node include those of its tools, which are described later',
  },
  {
    file: 'tool_facts',
    object: 'stepbase_engine.component_facts',
    reason: 'a tool is described like a component of the plan, which includes the tools',
  },
  {
    file: 'stop_items',
    object: 'stepbase_engine.detach_children',
    reason: 'items that stop detach their child runs; child runs come later',
  },
  {
    file: 'fail',
    object: 'stepbase_engine.end_runs',
    reason: 'a step that fails for good ends its run, which is explained after it',
  },
  {
    file: 'wake',
    object: 'stepbase_engine.next_schedule_at',
    reason: 'the next wake-up of a worker includes schedules, which come later',
  },
  {
    file: 'wake',
    object: 'stepbase_engine.next_operation_at',
    reason: 'the next wake-up of a worker includes operations on many runs, which come later',
  },
  {
    file: 'suspended_runs',
    object: 'stepbase_engine.flow_backlog',
    reason: 'a run in the line of a flow control waits there; admission explains the lines later',
  },
  {
    file: 'suspended_runs',
    object: 'stepbase_engine.return_starts',
    reason: 'a throttle takes a suspended start back; admission explains throttles later',
  },
  {
    file: 'suspended_runs',
    object: 'stepbase_engine.run_backlog',
    reason: 'the start of a suspended run waits in the backlog; admission comes later',
  },
  {
    file: 'suspended_runs',
    object: 'stepbase_engine.run_slots',
    reason: 'a suspended run gives its concurrency slots back; admission comes later',
  },
  {
    file: 'metrics',
    object: 'stepbase.activity_statistics',
    reason: 'the worker role, which comes earlier than statistics, gets the function',
  },
  {
    file: 'metrics',
    object: 'stepbase_engine.token_counts',
    reason: 'the worker role, which comes earlier than explanations, gets the function',
  },
  {
    file: 'metrics',
    object: 'stepbase_engine.oldest_queued_token',
    reason: 'the worker role, which comes earlier than explanations, gets the function',
  },
  {
    file: 'append_events',
    object: 'stepbase_engine.is_awaited_by_schedule',
    reason:
      'the end of a run is announced to a start of its schedule that waits; schedules come later',
  },
  {
    file: 'wake',
    object: 'stepbase_engine.next_start_at',
    reason: 'the next wake-up of a worker includes held runs, which admission explains later',
  },
  {
    file: 'wake',
    object: 'stepbase_engine.release_due_runs',
    reason: 'a held run that is due enters the queue, which admission explains later',
  },
  {
    file: 'claim',
    object: 'stepbase_engine.flow_backlog',
    reason: 'a run in the line of a key is not claimed; admission explains the lines later',
  },
  {
    file: 'task_alarms',
    object: 'stepbase_engine.mail_task',
    reason: 'a reminder mails the persons of a task; mails come later',
  },
  {
    file: 'task_alarms',
    object: 'stepbase_private.note_task_change',
    reason: 'an escalation is an event of the task, which the RPCs of tasks write',
  },
  {
    file: 'wait',
    object: 'stepbase_engine.mail_task',
    reason: 'a new task is mailed; mails come later',
  },
  {
    file: 'wake',
    object: 'stepbase_engine.admit_due_flow',
    reason: 'a throttle that is due is a timer; admission comes later',
  },
  {
    file: 'wake',
    object: 'stepbase_engine.next_flow_at',
    reason: 'the next wake-up of a worker includes throttles, which admission explains later',
  },
  {
    file: 'flow_lines',
    object: 'stepbase_engine.check_waiting_runs',
    reason: 'a start that waits in a line counts for the quota; quotas come later',
  },
  {
    file: 'mails',
    object: 'stepbase_engine.task_mail_data',
    reason: 'the worker asks for what the mail of a task says; tasks are mailed later',
  },
  {
    file: 'task_mails',
    object: 'stepbase_private.require_open_task',
    reason: 'a link decides like the RPCs of tasks, which come later',
  },
  {
    file: 'task_mails',
    object: 'stepbase_private.record_decision',
    reason: 'a link decides like the RPCs of tasks, which come later',
  },
  {
    file: 'rpc_rerun',
    object: 'stepbase.audit_log',
    reason: 'a rerun with edits is logged; the log comes after the tables that it logs',
  },
];

const NAME = /\bstepbase(?:_[a-z]+)?\.[a-z_][a-z0-9_]*/g;

/** The migration's name without directory, number and extension. */
export const migrationName = (file: string): string =>
  file.replace(/^.*\/\d+_/, '').replace(/\.sql$/, '');

function qualified(list: unknown): string {
  if (!Array.isArray(list)) return '';
  return list
    .flatMap((item) => (isTree(item) && isTree(item.String) ? [String(item.String.sval)] : []))
    .join('.');
}

/** The name of the table, view, type or function that a statement creates. */
function created(statement: Statement): string | undefined {
  const { kind, node } = statement;
  if (kind === 'CreateFunctionStmt') return qualified(node.funcname);
  if (kind === 'CompositeTypeStmt' || kind === 'CreateStmt' || kind === 'ViewStmt') {
    const relation = node.typevar ?? node.relation ?? node.view;
    return isTree(relation) ? `${relation.schemaname}.${relation.relname}` : undefined;
  }
  if (kind === 'CreateTableAsStmt') {
    for (const [inner] of walk(node.into)) {
      if (typeof inner.relname === 'string') return `${inner.schemaname}.${inner.relname}`;
    }
  }
  if (kind === 'CreateEnumStmt') return qualified(node.typeName);
  if (kind === 'CreateDomainStmt') return qualified(node.domainname);
  return undefined;
}

/** Names in the body of a function. Strings count, because they can contain dynamic SQL; comments do not. */
function named(body: string): Set<string> {
  const code = tokens(body)
    .filter((token) => token.kind !== 'comment')
    .map((token) => token.text);
  // Tokens are joined without spaces between the parts of a qualified name.
  return new Set(code.join(' ').replaceAll(' . ', '.').match(NAME) ?? []);
}

/** All references from a function's body to an object of a later file, each once. */
export function forwardReferences(sources: Source[]): ForwardReference[] {
  const ordered = sources.toSorted((a, b) => a.file.localeCompare(b.file));
  const place = new Map<string, number>();
  for (const [index, source] of ordered.entries()) {
    for (const statement of source.statements) {
      const name = created(statement);
      if (name !== undefined && !place.has(name)) place.set(name, index);
    }
  }
  const found = new Map<string, ForwardReference>();
  for (const [index, source] of ordered.entries()) {
    for (const { kind, body } of source.statements) {
      if (kind !== 'CreateFunctionStmt' || body === undefined) continue;
      for (const object of named(body.text)) {
        if ((place.get(object) ?? -1) <= index) continue;
        const reference = { file: migrationName(source.file), object };
        found.set(`${reference.file} ${object}`, reference);
      }
    }
  }
  return [...found.values()];
}

/** The problems to fix: references without a declaration, and declarations without a reference. */
export function forwardReferenceProblems(
  found: ForwardReference[],
  declared: readonly DeclaredReference[] = DECLARED,
): string[] {
  const key = ({ file, object }: ForwardReference) => `${file} refers to ${object}`;
  const isIn = (list: readonly ForwardReference[], item: ForwardReference) =>
    list.some((other) => key(other) === key(item));
  return [
    ...found
      .filter((item) => !isIn(declared, item))
      .map((item) => `${key(item)}, which a later migration creates: reorder or declare it`),
    ...declared
      .filter((item) => !isIn(found, item))
      .map((item) => `stale declaration: ${key(item)}`),
  ];
}
