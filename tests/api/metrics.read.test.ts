// /metrics of the API and of the worker, read by parsers of Prometheus: who may read them, what they count, and that
// the alert rules and the dashboard name only metrics that exist.
import { readFileSync } from 'node:fs';
import { parser as promql } from '@prometheus-io/lezer-promql';
import parsePrometheusTextFormat from 'parse-prometheus-text-format';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { node, type TestApp, testApp } from '../engine/support.ts';
import { waitFor } from '../support/stack.ts';
import { type Api, startApi } from './support.ts';

const TOKEN = 'a-token-for-metrics-only';
const MONITORING = new URL('../../deploy/monitoring/', import.meta.url);

let b: TestApp;
let own: Api;
let functions: string;
beforeAll(async () => {
  b = await testApp();
  functions = `${b.stack.api_url}/functions/v1`;
  own = await startApi({ STEPBASE_METRICS_TOKEN: TOKEN, STEPBASE_METRICS_BY_APP: 'true' });
});
afterAll(async () => {
  await own?.stop();
});

const DURATION = 'worker_attempt_duration_seconds';

const Families = z.array(
  z.object({
    name: z.string().regex(/^stepbase_[a-z_]+$/),
    help: z.string(),
    type: z.enum(['GAUGE', 'COUNTER', 'HISTOGRAM', 'UNTYPED']),
    metrics: z.array(
      z.object({
        value: z.string().optional(),
        labels: z.record(z.string(), z.string()).optional(),
        buckets: z.record(z.string(), z.string()).optional(),
      }),
    ),
  }),
);
type Family = z.output<typeof Families>[number];

/** The parser drops the labels of a histogram; without its type, it reads each of its series. */
async function scrape(
  url: string,
  bearer = b.stack.secret_key,
  isUntyped = false,
): Promise<Family[]> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${bearer}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  return Families.parse(
    parsePrometheusTextFormat(isUntyped ? text.replaceAll(/^# TYPE .*\n/gm, '') : text),
  );
}

const ofApi = () => scrape(`${functions}/stepbase-api/metrics`);
const ofWorker = (isUntyped = false) =>
  scrape(`${functions}/stepbase-worker/metrics`, undefined, isUntyped);

const sumOf = (families: Family[], name: string, labels: Record<string, string> = {}) =>
  families
    .find((family) => family.name === `stepbase_${name}`)
    ?.metrics.filter((metric) =>
      Object.entries(labels).every(([label, value]) => metric.labels?.[label] === value),
    )
    .reduce((sum, metric) => sum + Number(metric.value), 0);

describe('metrics', () => {
  it.each(['stepbase-api', 'stepbase-worker'])(
    'of %s are for the secret key only',
    async (name) => {
      const url = `${functions}/${name}/metrics`;
      const status = async (headers: Record<string, string>) =>
        (await fetch(url, { headers })).status;
      const { secret_key, publishable_key } = b.stack;
      const session = (await b.admin.auth.getSession()).data.session?.access_token;
      expect(await status({ apikey: secret_key })).toBe(200);
      expect(await status({ authorization: `Bearer ${secret_key}` })).toBe(200);
      for (const bearer of [publishable_key, TOKEN, session ?? '', '']) {
        expect(await status({ authorization: `Bearer ${bearer}` })).toBe(401);
      }
      expect(await status({ apikey: publishable_key })).toBe(401);
      expect(await status({})).toBe(401);
    },
  );

  it('of the API count the open runs, without names of applications', async () => {
    const workflow = await b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
    const run = await b.start(workflow);
    await b.stepIs(run.id, 'wait', 'waiting');
    const families = await waitFor('the run is counted', async () => {
      const found = await ofApi();
      return (sumOf(found, 'open_runs', { status: 'running' }) ?? 0) > 0 && found;
    });
    await b.developer.rpc('cancel_run', { run_id: run.id });

    const empty = families.filter(({ metrics }) => metrics.length === 0).map(({ name }) => name);
    // Statistics may not have been refreshed yet, and there is no replica.
    const mayBeEmpty = ['step_attempts_total', 'replica_up', 'replica_lag_seconds'];
    expect(empty.filter((name) => !mayBeEmpty.includes(name.replace('stepbase_', '')))).toEqual([]);
    expect(sumOf(families, 'workers', { status: 'running' })).toBeGreaterThan(0);
    expect(sumOf(families, 'database_bytes')).toBeGreaterThan(1e6);
    expect(sumOf(families, 'worker_concurrency')).toBeGreaterThan(0);
    const labels = families.flatMap(({ metrics }) =>
      metrics.flatMap((metric) => Object.keys(metric.labels ?? {})),
    );
    expect(new Set(labels)).not.toContain('app');
    const lines = families.reduce((sum, { metrics }) => sum + metrics.length, 0);
    expect(lines).toBeLessThan(150);
  });

  it('of the API have the label app and a token of their own if they are configured', async () => {
    const families = await scrape(`${own.url}/metrics`, TOKEN);
    const apps = families
      .find(({ name }) => name === 'stepbase_open_runs')
      ?.metrics.map(({ labels }) => labels?.app);
    expect(apps).toEqual(expect.arrayContaining(['acme', 'globex']));
  });

  it('of the worker are a histogram of its attempts', async () => {
    const before = sumOf(await ofWorker(true), `${DURATION}_count`, { outcome: 'completed' });
    await b.run([node('done', 'transform', { expression: '1' })]);
    const families = await ofWorker(true);
    const count = sumOf(families, `${DURATION}_count`, { outcome: 'completed' }) ?? 0;
    expect(count).toBeGreaterThan(before ?? 0);
    expect(sumOf(families, `${DURATION}_sum`, { outcome: 'completed' })).toBeGreaterThan(0);
    const buckets = families
      .find(({ name }) => name === `stepbase_${DURATION}_bucket`)
      ?.metrics.filter(({ labels }) => labels?.outcome === 'completed');
    const counts = buckets?.map(({ value }) => Number(value)) ?? [];
    expect(counts).toHaveLength(15);
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect([buckets?.at(-1)?.labels?.le, counts.at(-1)]).toEqual(['+Inf', count]);
  });
});

describe('the files for monitoring', () => {
  const Rules = z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^Stepbase\w+$/),
            expr: z.string(),
            for: z
              .string()
              .regex(/^\d+m$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(['info', 'warning', 'critical']) }),
            annotations: z.strictObject({ summary: z.string(), description: z.string() }),
          }),
        ),
      }),
    ),
  });
  const Dashboard = z.object({
    panels: z.array(
      z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).min(1) }),
    ),
  });
  const read = (name: string) => readFileSync(new URL(name, MONITORING), 'utf8');
  const rules = Rules.parse(parseYaml(read('alerts.yml'))).groups.flatMap((group) => group.rules);
  const { panels } = Dashboard.parse(JSON.parse(read('grafana-dashboard.json')));
  const expressions = [
    ...rules.map(({ expr }) => expr),
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];

  it('have valid expressions of PromQL', () => {
    const invalid = expressions.filter((expression) => {
      // Grafana replaces its variables.
      let isValid = true;
      promql.parse(expression.replaceAll('$__rate_interval', '5m')).iterate({
        enter({ type }) {
          if (type.isError) isValid = false;
        },
      });
      return !isValid;
    });
    expect(invalid).toEqual([]);
  });

  it('name only metrics that exist, and each metric is on the dashboard', async () => {
    const served = [...(await ofApi()), ...(await ofWorker())].map(({ name }) => name);
    const namesIn = (texts: string[]) =>
      new Set(
        texts
          .flatMap((text) => text.match(/\bstepbase_\w+/g) ?? [])
          .map((name) => name.replace(/(_seconds)_(bucket|count|sum)$/, '$1')),
      );
    expect([...namesIn(expressions)].filter((name) => !served.includes(name))).toEqual([]);
    const shown = namesIn(panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)));
    expect(served.filter((name) => !shown.has(name))).toEqual([]);
  });

  it('have different names for different alerts', () => {
    const names = rules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
  });
});
