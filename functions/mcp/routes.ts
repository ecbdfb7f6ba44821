// POST /mcp: the Model Context Protocol over streamable HTTP. The server itself is loaded by the first request, because
// its packages would make each cold start of the HTTP API slower.
import { Hono } from 'hono';
import { z } from 'zod';
import type { ApiEnv, Deps } from '../api/deps.ts';
import { documented, type Resource } from '../api/operation.ts';
import { named } from '../api/rows.ts';
import type { CallApi } from './server.ts';

export function mcpRoutes(deps: Deps, callApi: CallApi): Hono<ApiEnv> {
  return new Hono<ApiEnv>().post('/', async (c) => {
    const { answerMcp } = await import('./server.ts');
    return await answerMcp(c, deps, callApi);
  });
}

export const MCP_RESOURCE: Resource = {
  name: 'Model Context Protocol',
  description: 'Tools for language models.',
  operations: [
    documented({
      id: 'callMcp',
      method: 'POST',
      path: '/mcp',
      title: 'Call the MCP server',
      permission: 'member',
      description:
        'Answers a message of the Model Context Protocol (streamable HTTP, without sessions). [Use Stepbase from a language model](../guides/mcp.md) lists the tools.',
      rawBody: 'A JSON-RPC message.',
      headers: { 'MCP-Protocol-Version': 'The version of the protocol that the client speaks.' },
      replies: {
        200: {
          description: 'a JSON-RPC message',
          schema: named('McpMessage', () => z.looseObject({ jsonrpc: z.literal('2.0') })),
        },
        202: { description: 'no content, after a notification' },
      },
      errors: [],
    }),
  ],
};
