// The latest calls of webhooks with their verdict, and the replay of one.
import { z } from 'zod';
import { found, readRow } from '../crud.ts';
import { replayWebhookCall } from '../insight-queries.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { row } from '../rows.ts';

const VERDICTS = ['started', 'duplicate', 'handshake', 'refused', 'bad_signature'] as const;
const WebhookCall = row('webhook_calls', 'WebhookCall', {
  also: { verdict: z.enum(VERDICTS).describe('`refused`: the signature is valid; see `error`.') },
});
const verdict = equal('webhook_calls', 'verdict', VERDICTS);
const CALLS: ListSpec = {
  table: 'webhook_calls',
  sorts: ['-created_at'],
  filters: { verdict, trigger_id: equal('webhook_calls', 'trigger_id') },
};

export const WEBHOOK_CALLS: readonly Operation[] = [
  statement(
    {
      id: 'listWebhookCalls',
      method: 'GET',
      path: '/v1/webhooks/:trigger_id/calls',
      title: 'List the calls of a webhook',
      permission: 'schedule:read',
      description:
        'Lists the latest calls of the webhook with their verdict, the newest first. Also needs `run:read`, because a call has the input of its run.',
      query: listQuery({ sorts: CALLS.sorts, filters: { verdict } }),
      replies: {
        200: { description: 'one page', schema: pageOf('WebhookCallPage', WebhookCall) },
      },
      errors: ['not_found'],
    },
    async (query, { params: { trigger_id: id = '' }, query: given }) => {
      const trigger = {
        table: 'workflow_triggers',
        columns: ['id'],
        where: "t.trigger_type = 'webhook'",
      } as const;
      found('webhook', await readRow(query, trigger, id));
      return { body: await readList(query, CALLS, { ...given, trigger_id: id }) };
    },
  ),
  statement(
    {
      id: 'replayWebhookCall',
      method: 'POST',
      path: '/v1/webhook-calls/:call_id/replay',
      title: 'Replay a call of a webhook',
      permission: 'schedule:write',
      description:
        'Starts a further run with the content of the call, on the published version, and returns the new call: `started` with its `run_id`, or `refused` with its `error`. A call whose content was not kept is a `conflict`. Also needs `run:read`.',
      idempotency: 'stored',
      replies: { 201: { description: 'the new call', schema: WebhookCall } },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params }) => ({ body: await replayWebhookCall(query, params.call_id ?? '') }),
  ),
];
