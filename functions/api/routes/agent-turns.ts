// The turns of an agent: the answers of its model, and the tools that they called.
import { z } from 'zod';
import { readTurns } from '../agent-queries.ts';
import { found, readRow } from '../crud.ts';
import { pageOf } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { row } from '../rows.ts';

const call = row('agent_tool_calls', 'AgentToolCall', {
  also: {
    step_run_id: z.uuid().nullable().describe('The step that runs the tool.'),
    approval_step_run_id: z.uuid().nullable().describe('The approval of the call.'),
    child_run_id: z.uuid().nullable().describe('The run of a workflow.'),
  },
});
const turn = row('agent_turns', 'AgentTurn', { also: { calls: z.array(call()) } });

const INT32 = 2_147_483_647;

export const AGENT_TURNS: Operation = statement(
  {
    id: 'listStepTurns',
    method: 'GET',
    path: '/v1/runs/:run_id/steps/:step_id/turns',
    title: 'List the turns of an agent',
    permission: 'run:read',
    description:
      'Lists the answers of the model of an `ai_agent_task` step, each with the tools that the model called and their results. A step has at most 50 turns, which are one page.',
    params: { step_id: z.string().min(1).max(63).describe('Id of the node.') },
    query: z.strictObject({
      item_index: z.coerce
        .number<string | number>()
        .int()
        .min(-INT32 - 1)
        .max(INT32)
        .optional()
        .describe(
          '0, the default: the step; from 1 on: an item of a for_each; -1: a compensation; below -1: an agent that is a tool, by the `tool_item_index` of its call.',
        ),
    }),
    replies: { 200: { description: 'one page', schema: pageOf('AgentTurnPage', turn) } },
    errors: ['not_found'],
  },
  async (query, { params: { run_id: runId = '', step_id: stepId = '' }, query: given }) => {
    found('run', await readRow(query, { table: 'runs', columns: ['id'] }, runId));
    const items = await readTurns(query, { runId, stepId, itemIndex: given.item_index ?? 0 });
    return { body: { items, next_cursor: null } };
  },
);
