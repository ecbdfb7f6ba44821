// The tools of the MCP server that are operations of the HTTP API: their input is the path parameters, query parameters
// and body of the operation in one object.
import { z } from 'zod';
import { type Operation, schemaOf } from '../api/operation.ts';
import { OPERATIONS } from '../api/operations.ts';
import { paramNames, paramSchema } from '../api/validation.ts';

export interface Tool {
  name: string;
  title: string;
  description: string;
  inputSchema: { type: 'object'; [keyword: string]: unknown };
  annotations: { readOnlyHint: boolean; destructiveHint: boolean };
}

interface OperationTool {
  operation: string;
  /** Replaces the description of the operation. */
  description?: string;
  /** The tool takes `wait_seconds`. */
  waits?: true;
}

const OPERATION_TOOLS: Readonly<Record<string, OperationTool>> = {
  list_workflows: { operation: 'listWorkflows' },
  explain_workflow: { operation: 'explainWorkflow' },
  validate_definition: { operation: 'validateDefinition' },
  get_draft: { operation: 'getDraft' },
  save_draft: { operation: 'saveDraft' },
  list_runs: { operation: 'listRuns' },
  start_run: { operation: 'startRun', waits: true },
  watch_run: {
    operation: 'getRun',
    waits: true,
    description:
      'Returns a run with its step runs; with `wait_seconds` as soon as the run has ended. The errors of its steps explain a failed run.',
  },
  explain_run: { operation: 'explainRun' },
  list_run_events: { operation: 'listRunEvents', description: 'Lists what happened in a run.' },
  redrive_runs: { operation: 'redriveRuns' },
  cancel_run: { operation: 'cancelRun' },
  send_signal: { operation: 'sendSignal' },
  list_tasks: { operation: 'listTasks' },
  complete_task: { operation: 'completeTask' },
  decide_approval: { operation: 'decideApproval' },
};

export const MAX_WAIT_SECONDS = 50;

function operationOf(name: string): Operation | undefined {
  const id = Object.hasOwn(OPERATION_TOOLS, name) ? OPERATION_TOOLS[name]?.operation : undefined;
  return OPERATIONS.find((operation) => operation.id === id);
}

type Json = Record<string, unknown>;

function jsonSchema(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return json;
}

const propertiesOf = (schema: Json) => (schema.properties ?? {}) as Record<string, unknown>;
const requiredOf = (schema: Json) => (schema.required ?? []) as string[];

/** The names of the input that belong into the path, the query and the body. */
function partsOf(operation: Operation) {
  const query = operation.query === undefined ? {} : jsonSchema(operation.query);
  const body = operation.body === undefined ? {} : jsonSchema(schemaOf(operation.body));
  return { params: paramNames(operation.path), query, body };
}

function toolOf(name: string, { description, waits }: OperationTool, operation: Operation): Tool {
  const { params, query, body } = partsOf(operation);
  return {
    name,
    title: operation.title,
    // Links of the reference page have no target here.
    description: (description ?? operation.description).replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'),
    inputSchema: {
      type: 'object',
      properties: {
        ...Object.fromEntries(
          params.map((param) => [param, jsonSchema(paramSchema(param, operation.params))]),
        ),
        ...propertiesOf(query),
        ...propertiesOf(body),
        ...(waits
          ? { wait_seconds: { type: 'integer', minimum: 0, maximum: MAX_WAIT_SECONDS } }
          : {}),
      },
      required: [...params, ...requiredOf(body)],
      additionalProperties: false,
    },
    annotations: {
      readOnlyHint: operation.method === 'GET' || operation.id === 'validateDefinition',
      destructiveHint: operation.id === 'cancelRun',
    },
  };
}

/** The tools that a caller with these permissions may use. */
export function operationTools(permissions: readonly string[]): Tool[] {
  return Object.entries(OPERATION_TOOLS).flatMap(([name, tool]) => {
    const operation = operationOf(name);
    if (operation === undefined) throw new Error(`the tool ${name} has no operation`);
    const { permission } = operation;
    const isAllowed = !permission?.includes(':') || permissions.includes(permission);
    return isAllowed ? [toolOf(name, tool, operation)] : [];
  });
}

export interface ApiCall {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Json | undefined;
}

/** The request of a tool; undefined if there is no such tool. */
export function apiCallOf(name: string, given: Json): ApiCall | undefined {
  const operation = operationOf(name);
  if (operation === undefined) return undefined;
  const { params, query } = partsOf(operation);
  const { wait_seconds: wait, ...input } = given;
  const path = operation.path.replaceAll(/:(\w+)/g, (_, param: string) =>
    encodeURIComponent(String(input[param] ?? '')),
  );
  const search = new URLSearchParams();
  const body: Json = {};
  for (const [key, value] of Object.entries(input)) {
    if (params.includes(key)) continue;
    if (Object.hasOwn(propertiesOf(query), key)) search.set(key, String(value));
    else body[key] = value;
  }
  return {
    method: operation.method,
    path: search.size === 0 ? path : `${path}?${search}`,
    headers: {
      accept: 'application/json',
      ...(wait === undefined ? {} : { prefer: `wait=${Number(wait)}` }),
    },
    body: operation.method === 'GET' ? undefined : body,
  };
}
