// Model calls: what they use and cost, their budgets, and the prices of the installation.
import { z } from 'zod';
import { deleteAiBudget, readAiUsage, setAiBudget } from '../ai-usage-queries.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { readOnlyList } from '../read-only-list.ts';
import { named, row } from '../rows.ts';

const PERIODS = ['day', 'month'] as const;
const params = { period: z.enum(PERIODS) };
const MAX_COST = 1_000_000_000;

export const BudgetBody = z.strictObject({
  max_cost: z.number().min(0).max(MAX_COST).describe('US dollars. 0: no call is allowed.'),
  alert_percent: z
    .number()
    .int()
    .min(1)
    .max(100)
    .nullable()
    .optional()
    .describe('The event `budget.threshold_reached` is emitted when this part is spent.'),
  unpriced: z
    .enum(['allow', 'refuse'])
    .default('allow')
    .describe('Whether steps may call a model whose price is not known.'),
});

const BUDGETS: ListSpec = { table: 'ai_budgets', sorts: ['period'], key: [] };
const Budget = row('ai_budgets', 'AiBudget');
const PRICES: ListSpec = {
  table: 'model_prices',
  sorts: ['model'],
  key: ['provider', 'valid_from'],
  filters: { model: equal('model_prices', 'model'), provider: equal('model_prices', 'provider') },
};

const count = () => z.number().int();
const usage = {
  calls: count().describe('Also repeated ones.'),
  tokens: count(),
  cost: z.number().describe('US dollars, of calls whose price is known.'),
  unpriced_calls: count().describe('Calls whose cost is not known.'),
};
const AiUsage = named('AiUsage', () =>
  z.object({
    period: z.enum(PERIODS),
    starts_at: z.string(),
    ends_at: z.string(),
    ...usage,
    max_cost: z
      .number()
      .nullable()
      .describe('The lower one of the budget and the limit of the operator; null: none.'),
    remaining: z.number().nullable(),
    days: z.array(z.object({ day: z.string(), ...usage })),
    models: z
      .array(z.object({ provider: z.string(), model: z.string(), ...usage }))
      .describe('The 100 that cost most. Calls that had a response.'),
    workflows: z
      .array(
        z.object({
          workflow_id: z.uuid(),
          workflow: z.string().nullable().describe('Null for a workflow that was deleted.'),
          workflow_name: z.string().nullable(),
          ...usage,
        }),
      )
      .describe('The 100 that cost most. Calls that had a response.'),
  }),
);

export const AI_USAGE_RESOURCE: Resource = {
  name: 'Model usage and budgets',
  description: 'What model calls use, and what they may cost.',
  operations: [
    statement(
      {
        id: 'readAiUsage',
        method: 'GET',
        path: '/v1/ai-usage',
        title: 'Read the usage of model calls',
        permission: 'stats:read',
        description:
          'Returns calls, tokens and cost of the application in a day or a calendar month (UTC), as a sum, by day, by model and by workflow. Days are kept for 400 days.',
        query: z.strictObject({
          period: z.enum(PERIODS).default('month'),
          day: z.iso.date().optional().describe('A day of the period; default: today.'),
        }),
        replies: { 200: { description: 'the usage', schema: AiUsage } },
        errors: [],
      },
      async (query, call) => ({ body: await readAiUsage(query, call.query) }),
    ),
    statement(
      {
        id: 'listAiBudgets',
        method: 'GET',
        path: '/v1/ai-budgets',
        title: 'List budgets of model calls',
        permission: 'stats:read',
        description: 'Lists the budgets of the application: at most one for each period.',
        query: listQuery(BUDGETS),
        replies: { 200: { description: 'one page', schema: pageOf('AiBudgetPage', Budget) } },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, BUDGETS, call.query) }),
    ),
    statement(
      {
        id: 'setAiBudget',
        method: 'PUT',
        path: '/v1/ai-budgets/:period',
        title: 'Set a budget of model calls',
        permission: 'member:manage',
        description:
          'Sets what model calls may cost in a day or a calendar month (UTC). When it is spent, further calls fail with `budget_exceeded`. `max_cost` is at most the limit of the operator.',
        params,
        body: BudgetBody,
        replies: { 200: { description: 'the budget', schema: Budget } },
        errors: [],
      },
      async (query, { params: { period = '' }, body }) => ({
        body: await setAiBudget(query, period, body),
      }),
    ),
    statement(
      {
        id: 'deleteAiBudget',
        method: 'DELETE',
        path: '/v1/ai-budgets/:period',
        title: 'Delete a budget of model calls',
        permission: 'member:manage',
        description: 'Deletes the budget. The limits of the operator stay.',
        params,
        replies: { 204: { description: 'no content' } },
        errors: ['not_found'],
      },
      async (query, { params: { period = '' } }) => {
        await deleteAiBudget(query, period);
        return {};
      },
    ),
    readOnlyList({
      id: 'listModelPrices',
      path: '/v1/model-prices',
      title: 'List model prices',
      permission: 'stats:read',
      description:
        'Lists the prices that the operator stored for the installation, in US dollars for a million tokens.',
      component: 'ModelPrice',
      list: PRICES,
    }),
  ],
};
