// Statements about the usage and the budgets of model calls. All run as the caller.
import type { Query } from '../_shared/db/pool.ts';
import { one } from './queries.ts';

export const readAiUsage = (
  query: Query,
  { period, day }: { period: string; day?: string | undefined },
) => one(query, 'select stepbase.read_ai_usage($1, $2) as value', [period, day ?? null]);

export const setAiBudget = (
  query: Query,
  period: string,
  budget: { max_cost: number; alert_percent?: number | null | undefined; unpriced: string },
) =>
  one(
    query,
    'select to_jsonb(b) as value from stepbase.set_ai_budget($1, $2::numeric, $3::int, $4) b',
    [period, budget.max_cost, budget.alert_percent ?? null, budget.unpriced],
  );

export async function deleteAiBudget(query: Query, period: string): Promise<void> {
  await query('select stepbase.delete_ai_budget($1)', [period]);
}
