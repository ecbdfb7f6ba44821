// The limits of workflows and queues in words: what is counted, and what happens to the rest.
import { count, duration } from '../../shared/format.ts';

export interface FlowControl {
  kind: string;
  key_path: string | null;
  max_count: number | null;
  period_seconds: number | null;
  burst: number | null;
  timeout_seconds: number | null;
  default_priority: number | null;
}

const NAMED: Readonly<Record<number, string>> = {
  1: 'a second',
  60: 'a minute',
  3600: 'an hour',
  86400: 'a day',
};

/** "30 s", "5 min", "1 h 30 min". */
export function time(seconds: number | null): string {
  if (seconds === null) return '';
  if (seconds < 60) return `${seconds} s`;
  return duration(seconds * 1_000).replace(/ 0 (s|min|h)$/, '');
}

const per = (seconds: number | null): string =>
  seconds === null ? '' : (NAMED[seconds] ?? `in ${time(seconds)}`);

const several = (value: number | null, noun: string): string =>
  value === 1 ? `one ${noun}` : `${count(value ?? 0)} ${noun}s`;

const key = (path: string | null): string => (path === null ? '' : ` for each ${path}`);

const atOnce = (burst: number | null): string =>
  burst === null || burst <= 1 ? '' : `, ${count(burst)} of them at once`;

export function controlInWords(control: FlowControl): string {
  const { kind, key_path, max_count, period_seconds, burst, timeout_seconds } = control;
  switch (kind) {
    case 'concurrency':
      return `At most ${several(max_count, 'run')} at the same time${key(key_path)}. Further runs wait.`;
    case 'throttle':
      return `At most ${several(max_count, 'start')} ${per(period_seconds)}${key(key_path)}${atOnce(burst)}. Further runs wait.`;
    case 'rate_limit':
      return `At most ${several(max_count, 'start')} ${per(period_seconds)}${key(key_path)}. Further starts are refused.`;
    case 'debounce':
      return `Starts${key(key_path)} become one run, ${time(period_seconds)} after the last one${
        timeout_seconds === null ? '' : `, at the latest ${time(timeout_seconds)} after the first`
      }.`;
    case 'batch':
      return `Up to ${several(max_count, 'start')}${key(key_path)} become one run, at the latest ${time(timeout_seconds)} after the first.`;
    case 'priority':
      return key_path === null
        ? `Waiting runs have the priority ${control.default_priority ?? 0}.`
        : `The input at ${key_path} decides which waiting run starts first.`;
    default:
      return kind;
  }
}

export const openRunsInWords = (limit: number): string =>
  `At most ${several(limit, 'open run')}. Further runs wait.`;

interface Queue {
  max_concurrent_workflows: number | null;
  max_concurrent_activities: number | null;
}

export function queueInWords({
  max_concurrent_workflows,
  max_concurrent_activities,
}: Queue): string {
  const runs = max_concurrent_workflows;
  const steps = max_concurrent_activities;
  if (runs === null && steps === null) return 'No limit.';
  const parts = [
    ...(runs === null ? [] : [`${several(runs, 'open run')} of all its workflows`]),
    ...(steps === null ? [] : [`${several(steps, 'step')} that call other systems`]),
  ];
  return `At most ${parts.join(', and at most ')}. The rest waits.`;
}
