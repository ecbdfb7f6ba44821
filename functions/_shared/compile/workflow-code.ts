// workflow.ts of a compiled project: one function for each node, which awaits the edges into it.

import type { Edge, GraphNode, Part } from './graph.ts';
import { inComment, literal, quote } from './literals.ts';
import { functionNames } from './names.ts';

export interface WorkflowFacts {
  kebabName: string;
  version: number;
  type: string;
}

export function workflowCode(
  { kebabName, version, type }: WorkflowFacts,
  nodes: readonly GraphNode[],
): string {
  const names = functionNames(
    nodes.map(({ id }) => id),
    [type],
  );
  const nameOf = (id: string) => names.get(id) ?? id;
  const joins = [
    ...new Set(nodes.filter(({ incoming }) => incoming.length > 0).map(({ join }) => join)),
  ].sort();
  const options = graphOptions(nodes);
  const call = `  await runGraph(start, ${listOf(nodes.map(({ id }) => nameOf(id)))}`;
  const used = call.length - call.lastIndexOf('\n') + 4;
  const given = Object.keys(options).length === 0 ? '' : `, ${literal(options, '  ', used)}`;
  return [
    `// ${kebabName}, version ${version}: one function for each step. Each awaits the edges into it.\n`,
    '// Compiled by Stepbase. Publish another version of the workflow instead of changing this file.\n\n',
    `import { ${joins.map((join) => `${join}, `).join('')}type Run, runGraph, type StartArgs } from '../stepbase/runtime/index.ts';\n\n`,
    ...nodes.map((node) => `${nodeFunction(node, nameOf(node.id))}\n`),
    `export async function ${type}(start: StartArgs): Promise<void> {\n`,
    `${call}${given});\n`,
    '}\n',
  ].join('');
}

function graphOptions(nodes: readonly GraphNode[]): Record<string, unknown> {
  const compensations = nodes.flatMap(({ id, compensation }) =>
    compensation === undefined ? [] : [{ node: id, plan: planOf(compensation) }],
  );
  const parts = nodes.flatMap(({ step, item, compensation }) => [step, item, compensation]);
  const reads = parts.map((part) => part?.reads ?? []);
  const read = nodes.map(({ id }) => id).filter((id) => reads.flat().includes(id));
  return {
    ...(compensations.length === 0 ? {} : { compensations }),
    ...(reads.includes('all') ? {} : { read }),
  };
}

function listOf(names: readonly string[]): string {
  const line = `[${names.join(', ')}]`;
  return line.length <= 72 ? line : `[\n${names.map((name) => `    ${name},\n`).join('')}  ]`;
}

function nodeFunction(node: GraphNode, name: string): string {
  const { id, label, join, incoming, step, item } = node;
  const indent = incoming.length === 0 ? '  ' : '    ';
  const start = `${indent}await run.${item ? 'forEach' : 'step'}(${quote(id)}, `;
  const plan = literal(stepPlan(node), indent, start.length + 2);
  const element = item && literal(planOf(item), indent);
  const call = `${start}${plan}${element === undefined ? '' : `, ${element}`});\n`;
  const body =
    incoming.length === 0
      ? [call]
      : [
          `  const isReached = await ${join}(${edgeList(incoming)});\n`,
          `  if (isReached) {\n${call}  } else {\n    run.skip(${quote(id)});\n  }\n`,
        ];
  const title = label === id ? step.type.label : `${inComment(label)} (${step.type.label})`;
  return [
    `/** ${title} */\n`,
    `async function ${name}(run: Run): Promise<void> {\n`,
    ...body,
    '}\n',
  ].join('');
}

function edgeList(edges: readonly Edge[]): string {
  const calls = edges.map(
    ({ source, handle }) =>
      `run.edge(${quote(source)}${handle === undefined ? '' : `, ${quote(handle)}`})`,
  );
  const line = calls.join(', ');
  return line.length <= 64 ? line : `\n${calls.map((call) => `    ${call},\n`).join('')}  `;
}

function stepPlan({ step, continues, outgoing }: GraphNode): Record<string, unknown> {
  const failureEdges = ['timeout', 'error'].filter((name) =>
    outgoing.some(({ handle }) => handle === name),
  );
  return {
    ...planOf(step),
    ...(continues ? { onError: 'continue' } : {}),
    ...(failureEdges.length === 0 ? {} : { failureEdges }),
  };
}

function planOf({ reads, readsInput, isLocal, timeoutMs, retry }: Part): Record<string, unknown> {
  return {
    ...(reads.length === 0 ? {} : { reads }),
    ...(readsInput ? { readsInput } : {}),
    ...(isLocal ? { isLocal } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retry === undefined ? {} : { retry: withoutNulls(retry) }),
  };
}

const withoutNulls = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null));
