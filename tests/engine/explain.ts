// Plans of workflows for the tests of explain_workflow and `npm run explain`.

import type { Plan } from '../../scripts/explain/plan.ts';
import { node, type TestApp } from './support.ts';

export async function explained(
  { developer }: TestApp,
  workflow: string,
  version?: number,
): Promise<Plan> {
  const { data, error } = await developer.rpc('explain_workflow', { workflow, version });
  if (error) throw new Error(`${error.code} ${error.message}`);
  return data as unknown as Plan;
}

export const ORDER = [
  node(
    'fetch',
    'http_request',
    {
      url: 'https://shop.example/{{ input.id }}',
      headers: { authorization: '{{ secrets.shop_key }}' },
    },
    {
      retry: { max_attempts: 6, delay_ms: 1000, max_delay_ms: 10_000, jitter: 0.5 },
      timeout_ms: 5000,
    },
  ),
  node('large', 'condition', { expression: 'steps.fetch.output.body.total > 100' }),
  node('ask', 'wait_for_approval', { title: 'Ship?', deadline_ms: 60_000 }),
  node(
    'ship',
    'for_each',
    {
      items: '{{ steps.fetch.output.body.lines }}',
      concurrency: 5,
      step: { type: 'http_request', config: { url: 'https://ship.example/{{ item }}' } },
    },
    { join: 'any', on_error: 'continue' },
  ),
];
export const LINES = [
  'fetch > large',
  'large > ask : true',
  'large > ship : false',
  'ask > ship : approved',
];
