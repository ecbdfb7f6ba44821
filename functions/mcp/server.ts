// The MCP server of one request: it holds no state, so each invocation of the function can answer. A tool is a request
// to the HTTP API with the credentials of the caller, so the same checks apply.
import { Server } from '@modelcontextprotocol/sdk/server';
// The package states the types of these two files where Deno does not find them.
// @ts-types='npm:@modelcontextprotocol/sdk/server/webStandardStreamableHttp'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
// @ts-types='npm:@modelcontextprotocol/sdk/types'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Context } from 'hono';
import { asCaller } from '../_shared/auth/index.ts';
import { parseJsonToPassOn } from '../_shared/text/json-numbers.ts';
import type { ApiEnv, Deps } from '../api/deps.ts';
import { parseJsonBody } from '../api/json-body.ts';
import { type ApiCall, apiCallOf, MAX_WAIT_SECONDS, operationTools } from './tools.ts';
import { isOffered, workflowOf, workflowTools } from './workflow-tools.ts';

/** Sends a request to the HTTP API in this process. */
export type CallApi = (path: string, init: RequestInit) => Response | Promise<Response>;

const INSTRUCTIONS =
  'Stepbase runs workflows. Tools named run-… start one workflow each. A run that has not ended is watched with watch_run. Tasks are steps that wait for a person; complete them only if the person asked for it.';

export async function answerMcp(
  c: Context<ApiEnv>,
  { db }: Deps,
  callApi: CallApi,
): Promise<Response> {
  const { member } = c.var;
  const server = new Server(
    { name: 'stepbase', version: '1' },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );

  async function send({ method, path, headers, body }: ApiCall): Promise<CallToolResult> {
    const credentials = ['authorization', 'apikey', 'x-stepbase-app'].flatMap((name) => {
      const value = c.req.header(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const response = await callApi(path, {
      method,
      headers: {
        ...headers,
        ...Object.fromEntries(credentials),
        'x-request-id': c.var.requestId,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: c.req.raw.signal,
    });
    const text = await response.text();
    return {
      content: [{ type: 'text', text: text === '' ? 'done' : text }],
      isError: !response.ok,
    };
  }

  async function startWorkflow(workflow: string, input: object): Promise<CallToolResult> {
    if (!(await asCaller(db, member, (query) => isOffered(query, workflow)))) {
      return failure(`There is no tool for the workflow ${workflow}`);
    }
    const started = await send({
      method: 'POST',
      path: `/v1/workflows/${encodeURIComponent(workflow)}/runs`,
      headers: { prefer: `wait=${MAX_WAIT_SECONDS}` },
      body: { input },
    });
    const [content] = started.content;
    if (started.isError || content?.type !== 'text') return started;
    const { id, status, output, error } = parseJsonToPassOn(content.text) as Record<
      string,
      unknown
    >;
    return {
      content: [{ type: 'text', text: JSON.stringify({ run_id: id, status, output, error }) }],
      isError: error !== null,
    };
  }

  server.setRequestHandler(ListToolsRequestSchema, () =>
    asCaller(db, member, async (query) => {
      const [row] = await query<{ permissions: string[] }>(
        'select stepbase_private.permissions() as permissions',
      );
      const permissions = row?.permissions ?? [];
      const workflows = permissions.includes('run:execute') ? await workflowTools(query) : [];
      return { tools: [...workflows, ...operationTools(permissions)] };
    }),
  );
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const input = params.arguments ?? {};
    const workflow = workflowOf(params.name);
    if (workflow !== undefined) return await startWorkflow(workflow, input);
    const call = apiCallOf(params.name, input);
    return call === undefined ? failure(`There is no tool ${params.name}`) : await send(call);
  });

  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    return await transport.handleRequest(c.req.raw, {
      parsedBody: parseJsonBody(await c.req.text()),
    });
  } finally {
    await server.close();
  }
}

const failure = (text: string): CallToolResult => ({
  content: [{ type: 'text', text }],
  isError: true,
});
