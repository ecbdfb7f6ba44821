// What model calls of the application used in a day or a month, as the RPC read_ai_usage returns it.
import { ask } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export interface Use {
  calls: number;
  tokens: number;
  /** US dollars, of calls whose price is known. */
  cost: number;
  unpriced_calls: number;
}

export interface Usage extends Use {
  starts_at: string;
  ends_at: string;
  max_cost: number | null;
  remaining: number | null;
  days: (Use & { day: string })[];
  models: (Use & { provider: string; model: string })[];
  workflows: (Use & {
    workflow_id: string;
    workflow: string | null;
    workflow_name: string | null;
  })[];
}

const precise = new Intl.NumberFormat(undefined, {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 4,
});
const usual = new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD' });

/** Small costs need more digits. */
export const dollars = (value: number): string =>
  (value !== 0 && value < 1 ? precise : usual).format(value);

/** `day`: a day of the period; undefined: today. */
export async function readUsage(
  period: 'day' | 'month',
  day: string | undefined,
  signal: AbortSignal,
): Promise<Usage> {
  const call = supabase
    .rpc('read_ai_usage', { period, ...(day === undefined ? {} : { day }) })
    .abortSignal(signal);
  return (await ask(call)) as unknown as Usage;
}

/** The first days of this and of the 11 months before, in UTC, as budgets count. */
export function monthsBefore(now: number): { value: string; label: string }[] {
  const { year, month } = {
    year: new Date(now).getUTCFullYear(),
    month: new Date(now).getUTCMonth(),
  };
  const name = new Intl.DateTimeFormat(undefined, {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
  return Array.from({ length: 12 }, (_, n) => {
    const first = new Date(Date.UTC(year, month - n, 1));
    return { value: first.toISOString().slice(0, 10), label: name.format(first) };
  });
}

/** Each day of a month until it ends or until now, also those without calls. */
export function daysOf(
  { starts_at, ends_at, days }: Usage,
  now: number,
): (Use & { day: string })[] {
  const known = new Map(days.map((each) => [each.day, each]));
  const last = Math.min(new Date(ends_at).getTime(), now + 1);
  const all: (Use & { day: string })[] = [];
  for (let at = new Date(starts_at).getTime(); at < last; at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    all.push(known.get(day) ?? { day, calls: 0, tokens: 0, cost: 0, unpriced_calls: 0 });
  }
  return all;
}
