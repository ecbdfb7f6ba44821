// The statistics RPCs: counts and durations of runs and steps in a time, in total, by item and over time.
import { ask } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export interface Numbers {
  total: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Of completed and failed ones, 0 to 1; null without any. */
  success_rate: number | null;
  p50_duration_ms: number | null;
  p95_duration_ms: number | null;
}

export interface Item extends Numbers {
  workflow_id?: string;
  step_id?: string;
}

export interface Point {
  at: string;
  completed: number;
  failed: number;
  cancelled: number;
  p50_duration_ms: number | null;
  p95_duration_ms: number | null;
}

/** Times with the length of a step of the series, both in minutes. Older than a day, only full hours are exact. */
export const SPANS = [
  { value: '1h', label: 'Last hour', short: '1 h', minutes: 60, step: 2 },
  { value: '24h', label: 'Last 24 hours', short: '24 h', minutes: 1_440, step: 60 },
  { value: '7d', label: 'Last 7 days', short: '7 d', minutes: 10_080, step: 360 },
  { value: '30d', label: 'Last 30 days', short: '30 d', minutes: 43_200, step: 1_440 },
] as const;
export type Span = (typeof SPANS)[number];

const MINUTE_MS = 60_000;

/** The begin of a time, at a full step's unit: a minute of the last hour, else an hour. */
export function sinceOf({ minutes }: Span, now: number): string {
  const unit = minutes <= 60 ? MINUTE_MS : 60 * MINUTE_MS;
  return new Date(Math.floor((now - minutes * MINUTE_MS) / unit) * unit).toISOString();
}

const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dayAndHour = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
});

/** The text of a point's time: as long as the length of the points in minutes needs. */
export function pointLabel(at: string, step: number): string {
  const format = step >= 1_440 ? day : step > 60 ? dayAndHour : hour;
  return format.format(new Date(at));
}

export async function readItems(
  groupBy: 'application' | 'workflow' | 'step',
  since: string,
  workflowId: string | undefined,
  signal: AbortSignal,
): Promise<Item[]> {
  const call = supabase
    .rpc('read_statistics', {
      group_by: groupBy,
      since,
      ...(workflowId === undefined ? {} : { workflow_id: workflowId }),
    })
    .abortSignal(signal);
  return ((await ask(call)) as unknown as { items: Item[] }).items;
}

export async function readSeries(
  span: Span,
  since: string,
  workflowId: string | undefined,
  signal: AbortSignal,
): Promise<Point[]> {
  const call = supabase
    .rpc('read_statistics_series', {
      since,
      step_minutes: span.step,
      ...(workflowId === undefined ? {} : { workflow_id: workflowId }),
    })
    .abortSignal(signal);
  return ((await ask(call)) as unknown as { points: Point[] }).points;
}
