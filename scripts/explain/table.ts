// Formats a plan for a terminal.

import type { DefinitionFault } from '../../functions/_shared/errors/index.ts';
import { columns } from './columns.ts';
import type { Plan, PlanNode } from './plan.ts';

export function toTable(plan: Plan): string {
  const parts = [
    `${plan.workflow}, version ${plan.version} (${plan.status}), application ${plan.app_code}`,
    limits(plan),
    '',
    columns([
      ['#', 'step', 'type', 'after', 'reads', 'attempt', 'retries', 'notes'],
      ...plan.nodes.map(row),
    ]),
  ];
  parts.push(...list('It cannot be published', plan.problems.map(faultRow)));
  parts.push(...list('Faults', plan.faults.map(faultRow)));
  parts.push(
    ...list(
      'Warnings',
      plan.warnings.map(({ node_id, code, message }) => [node_id, code, message]),
    ),
  );
  if (plan.problems.length + plan.faults.length + plan.warnings.length === 0) {
    parts.push('', 'No warnings.');
  }
  return parts.join('\n');
}

function limits({ limits: { task_queue: queue, ...own } }: Plan): string {
  const many = (count: number | null, what: string) =>
    count === null ? `any number of ${what}` : `${count} ${what}`;
  const parts = [
    `a run may take ${duration(own.execution_timeout_seconds * 1000)}`,
    `${many(own.max_concurrent_executions, 'runs')} at once`,
  ];
  if (queue) {
    const runs = many(queue.max_concurrent_workflows, 'runs');
    const steps = many(queue.max_concurrent_activities, 'steps');
    parts.push(`task queue ${queue.name}: ${runs} and ${steps} at once`);
  }
  return parts.join('; ');
}

function row(node: PlanNode): string[] {
  return [
    String(node.ordinal),
    node.id,
    node.each ? `${node.type} (${node.each})` : node.type,
    after(node),
    node.reads_everything ? 'everything' : node.reads.join(', ') || '-',
    node.attempt_timeout_ms === undefined ? '-' : duration(node.attempt_timeout_ms),
    retries(node),
    notes(node).join('; ') || '-',
  ];
}

function after({ from, join }: PlanNode): string {
  if (from.length === 0) return 'start';
  const edges = from.map(({ node, handle }) => (handle ? `${node}:${handle}` : node)).join(', ');
  return from.length === 1 ? edges : `${join} of ${edges}`;
}

const SHOWN_WAITS = 4;

function retries({ retry }: PlanNode): string {
  if (!retry || retry.max_attempts === 1) return '-';
  const waits = retry.waits_ms.slice(0, SHOWN_WAITS).map(duration).join(', ');
  const more = retry.waits_ms.length > SHOWN_WAITS ? ', …' : '';
  return `${retry.max_attempts - 1} after ${waits}${more}`;
}

function notes(node: PlanNode): string[] {
  const found: string[] = [];
  if (node.concurrency !== undefined) found.push(`${node.concurrency} items at once`);
  if (node.workflow) found.push(`workflow ${node.workflow}`);
  for (const { part, reference, id, version } of node.components ?? []) {
    const pin = id ? `${version ?? ''} (${id})` : 'missing';
    found.push(`${part === 'step' ? '' : `${part} `}component ${reference} ${pin}`);
  }
  if (node.deadline_ms !== undefined) {
    const { deadline_ms: until } = node;
    found.push(
      `waits ${typeof until === 'number' ? `at most ${duration(until)}` : `until ${until}`}`,
    );
  }
  if (node.secrets.length > 0) found.push(`secrets ${node.secrets.join(', ')}`);
  if (node.on_error === 'continue') found.push('continues on error');
  if (node.compensate) found.push(`compensated by ${node.compensate}`);
  return found;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** Formats a duration in the largest unit with at most one decimal. */
export function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms >= length && (ms * 10) % length === 0) ?? [
    'ms',
    1,
  ];
  return `${ms / size} ${unit}`;
}

function faultRow({ node, pointer, code, message, hint }: DefinitionFault): string[] {
  return [node ?? '-', pointer, code, hint === undefined ? message : `${message}; ${hint}`];
}

function list(title: string, rows: readonly string[][]): string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, columns(rows, '  ')];
}
