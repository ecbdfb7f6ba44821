// The pure parts of the settings: versions, drafts of components, try-outs of prompts, limits in words, the audit log.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { evaluate } from '../../functions/_shared/expressions/jsonata.ts';
import { parseTemplateText } from '../../functions/_shared/expressions/template-text.ts';
import { nameOfRow } from '../../web/src/settings/audit-changes.ts';
import { AUDITED } from '../../web/src/settings/audit-tables.ts';
import {
  type Component,
  type Draft,
  draftFromJson,
  draftOf,
  EMPTY,
  insertOf,
  jsonOf,
  meantVersion,
  updateOf,
} from '../../web/src/settings/components/draft.ts';
import {
  healthById,
  healthInWords,
  isUnhealthy,
} from '../../web/src/settings/components/health.ts';
import { numberIn } from '../../web/src/settings/error-details.ts';
import { controlInWords, queueInWords, time } from '../../web/src/settings/limits/in-words.ts';
import { byPerson, matching } from '../../web/src/settings/organization-people.ts';
import { grouped, PERMISSION_TEXTS } from '../../web/src/settings/permission-texts.ts';
import {
  readInput,
  schemaOf,
  tryDefinition,
  withDefaults,
} from '../../web/src/settings/prompts/try-definition.ts';
import { boundsInWords, keptSince } from '../../web/src/settings/retention-words.ts';
import { headersOf } from '../../web/src/settings/testing/headers.ts';
import { workflowNameOf } from '../../web/src/settings/testing/names.ts';
import { byName, newestFirst, nextVersion } from '../../web/src/settings/versions.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('groups versions by name and owner, the newest first', () => {
  const rows = ['1.2.0', '1.10.0', '1.10.0-rc.1'].map((version) => ({
    name: 'crm',
    version,
    app_code: 'acme' as string | null,
  }));
  const groups = byName(newestFirst([...rows, { name: 'crm', version: '9.0.0', app_code: null }]));
  expect(groups.map(({ versions }) => versions.map(({ version }) => version))).toEqual([
    ['9.0.0'],
    ['1.10.0', '1.10.0-rc.1', '1.2.0'],
  ]);
  expect(nextVersion('1.10.0')).toBe('1.11.0');
});

it('reads a component from the JSON that it wrote, and refuses what it would lose', () => {
  const draft: Draft = { ...EMPTY, name: 'crm', endpoint: 'https://crm.example', tags: ['a'] };
  expect(draftFromJson(JSON.parse(jsonOf(draft)), draft)).toEqual(draft);
  expect(() => draftFromJson({ ...insertOf(draft), endpiont: 'x' } as never, draft)).toThrow(
    'A service_task has no field endpiont.',
  );
  expect(() => draftFromJson({ ...insertOf(draft), version: '2.0.0' } as never, draft)).toThrow(
    'version does not change.',
  );
  expect(() => draftFromJson({ implementation_type: 'delay' }, undefined)).toThrow(
    'must be one of',
  );
  expect(() => draftFromJson([], undefined)).toThrow('A component is an object.');
  expect(Object.keys(updateOf(draft))).not.toContain('name');
  expect(Object.keys(insertOf({ ...draft, implementation_type: 'user_task' }))).not.toContain(
    'endpoint',
  );
});

it('finds the version of a component that its name means', () => {
  const version = (id: string, created_at: string, more: Partial<Component> = {}) =>
    ({ id, created_at, deprecated: false, is_active: true, ...more }) as Component;
  const old = version('old', '2026-01-01');
  const newer = version('newer', '2026-02-01');
  expect(meantVersion([old, newer])?.id).toBe('newer');
  expect(meantVersion([old, { ...newer, deprecated: true }])?.id).toBe('old');
  expect(
    meantVersion([
      { ...old, is_active: false },
      { ...newer, deprecated: true },
    ])?.id,
  ).toBe('newer');
  expect(draftOf({ ...EMPTY, ...old, name: 'crm' } as Component).name).toBe('crm');
});

it('sums the calls of a component over its workflows', () => {
  const row = (execution_count: number, failure_count: number, avg_duration_ms: number) => ({
    component_id: 'c',
    execution_count,
    failure_count,
    avg_duration_ms,
    max_duration_ms: avg_duration_ms * 2,
    last_executed_at: null,
  });
  const health = healthById([row(30, 0, 100), row(10, 2, 300)]).get('c');
  expect(health).toMatchObject({ executions: 40, failures: 2, duration: 150, longest: 600 });
  expect(healthInWords(health)).toBe('40 calls, 5 % failed, 150 ms on average');
  expect(healthInWords(undefined)).toBe('Not called yet');
  expect([isUnhealthy(health), isUnhealthy(healthById([row(10, 1, 5)]).get('c'))]).toEqual([
    false,
    true,
  ]);
});

it('evaluates the templates of a prompt with the input of a run as they would be with its variables', async () => {
  const variables = { name: 'Ada', order: { lines: [{ n: 2 }] }, tags: ['a'], open: '}}' };
  const render = async (text: string, scope: Record<string, unknown>) =>
    await Promise.all(
      parseTemplateText(text).map((part) =>
        typeof part === 'string' ? part : evaluate(part.source, scope as never),
      ),
    );
  for (const text of [
    'Hello {{ name }}.',
    '{{ order.lines[0].n + 1 }} of {{ $count(tags) }}',
    '{{ {"a": {"b": name}} }}',
    '{{ name & " }} " & "{" }} and {{ open }}',
    '{{ tags }}{{ missing }}',
    '{{ ($x := name; $uppercase($x)) }}',
    'no template } }} {',
  ]) {
    expect(await render(readInput(text), { input: variables }), text).toEqual(
      await render(text, variables),
    );
  }
  expect(readInput('open {{ name')).toBe('open {{ name');
});

it('asks for the variables that have no default, and fills in the others', () => {
  const declared = { text: { type: 'string' }, tone: { type: 'string', default: 'calm' } };
  expect(schemaOf(declared)).toEqual({
    type: 'object',
    properties: declared,
    required: ['text'],
  });
  expect(withDefaults(declared, { text: 'a' })).toEqual({ tone: 'calm', text: 'a' });
  expect(withDefaults(declared, { text: 'a', tone: '' })).toEqual({ text: 'a', tone: '' });
  const { nodes } = tryDefinition('Hi', {
    provider: 'anthropic',
    model: 'm',
    secret: 'k',
    address: '',
  }) as {
    nodes: [{ data: { config: unknown } }];
  };
  expect(nodes[0].data.config).toMatchObject({ api_key: '{{ secrets.k }}', stream: true });
  expect(workflowNameOf('component', `crm.look_up${'x'.repeat(100)}`)).toMatch(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
  );
});

it('finds the headers of a call in the log of a test run', () => {
  const headers = { accept: 'a', 'webhook-signature': 'v1,x', 'webhook-id': 'i' };
  const sent = headersOf([
    { message: 'other', data: { status: 200 } },
    { message: 'POST https://crm.example', data: { headers } },
  ]);
  expect(sent?.headers.map(([name]) => name)).toEqual([
    'webhook-id',
    'webhook-signature',
    'accept',
  ]);
  expect([sent?.request, sent?.isSigned]).toEqual(['POST https://crm.example', true]);
  expect(headersOf([{ message: 'x', data: null }])).toBeUndefined();
});

it('says limits in words', () => {
  const control = {
    kind: 'concurrency',
    key_path: null as string | null,
    max_count: 1 as number | null,
    period_seconds: null as number | null,
    burst: null as number | null,
    timeout_seconds: null as number | null,
    default_priority: null as number | null,
  };
  const say = (change: Partial<typeof control>) => controlInWords({ ...control, ...change });
  expect(say({})).toBe('At most one run at the same time. Further runs wait.');
  expect(
    say({ kind: 'throttle', max_count: 10, period_seconds: 60, burst: 5, key_path: '$.id' }),
  ).toBe('At most 10 starts a minute for each $.id, 5 of them at once. Further runs wait.');
  expect(say({ kind: 'rate_limit', max_count: 3, period_seconds: 90 })).toBe(
    'At most 3 starts in 1 min 30 s. Further starts are refused.',
  );
  expect(say({ kind: 'debounce', period_seconds: 30, timeout_seconds: 300 })).toBe(
    'Starts become one run, 30 s after the last one, at the latest 5 min after the first.',
  );
  expect(say({ kind: 'batch', max_count: 100, timeout_seconds: 5 })).toBe(
    'Up to 100 starts become one run, at the latest 5 s after the first.',
  );
  expect(say({ kind: 'priority', key_path: '$.p' })).toContain('The input at $.p decides');
  expect(queueInWords({ max_concurrent_workflows: 50, max_concurrent_activities: 10 })).toBe(
    'At most 50 open runs of all its workflows, and at most 10 steps that call other systems. The rest waits.',
  );
  expect(queueInWords({ max_concurrent_workflows: null, max_concurrent_activities: null })).toBe(
    'No limit.',
  );
  expect(time(3_600)).toBe('1 h');
});

it('has a text for each permission that exists', () => {
  const names = [...read('docs/reference/permissions.md').matchAll(/^\| `([a-z]+:[a-z]+)`/gm)].map(
    ([, name]) => name ?? '',
  );
  expect(names.length).toBeGreaterThan(20);
  expect(Object.keys(PERMISSION_TEXTS).sort()).toEqual(names.sort());
  const groups = grouped([...names, 'new:one']);
  expect(groups.flatMap(({ permissions }) => permissions).sort()).toEqual(
    [...names, 'new:one'].sort(),
  );
  expect(groups.at(-1)).toEqual({ label: 'Other', permissions: ['new:one'] });
});

it('filters the audit log by each table that has an audit trigger', () => {
  const sql = read('supabase/migrations/20261101001410_audit_log.sql');
  const [, listed = ''] = /from \(\s+values([\s\S]*?)\) t \(table_name/.exec(sql) ?? [];
  const looped = [...listed.matchAll(/\('(\w+)', '\w+'\)/g)].map(([, name]) => name);
  const single = [
    ...sql.matchAll(
      /on stepbase_private\.(\w+)\s+for each row execute function stepbase_private\.audit\(/g,
    ),
  ];
  const expected = [...looped, ...single.map(([, name]) => name)];
  expect(expected.length).toBeGreaterThan(25);
  expect(AUDITED.flatMap(({ tables }) => tables).sort()).toEqual(expected.sort());
  expect(nameOfRow({ old_row: null, new_row: { id: 1, name: 'crm' } })).toBe('crm');
  expect(nameOfRow({ old_row: { email: 'a@b.example' }, new_row: null })).toBe('a@b.example');
  expect(nameOfRow({ old_row: null, new_row: null })).toBeUndefined();
});

it('lists each person of an organization once', () => {
  const row = (user_id: string, app_code: string, role: string) => ({
    app_code,
    application_name: app_code.toUpperCase(),
    user_id,
    email: `${user_id}@x.example`,
    display_name: '',
    role,
  });
  const people = byPerson([
    row('a', 'shop', 'admin'),
    row('b', 'shop', 'viewer'),
    row('a', 'labs', 'viewer'),
  ]);
  expect(people.map(({ id, memberships }) => [id, memberships.length])).toEqual([
    ['a', 2],
    ['b', 1],
  ]);
  expect(matching(people, 'LABS').map(({ id }) => id)).toEqual(['a']);
  expect(matching(people, ' ')).toHaveLength(2);
});

it('reads a number in the details of an error', () => {
  expect(numberIn({ details: '{"open_runs": 3}' }, 'open_runs')).toBe(3);
  expect(numberIn({ details: 'no JSON' }, 'open_runs')).toBeUndefined();
  expect(numberIn(new Error('x'), 'open_runs')).toBeUndefined();
});

it('says what a retention means today', () => {
  const now = Date.UTC(2026, 10, 30, 12);
  expect(keptSince(90, now)).toMatch(/^Those before .*2026 are deleted\.$/);
  expect(keptSince(0.25, now)).toMatch(/\d{1,2}:\d{2}/);
  expect([keptSince('', now), keptSince('x', now), keptSince(-1, now)]).toEqual(['', '', '']);
  expect(boundsInWords(1, 365)).toBe('The operator allows 1 to 365 days.');
  expect(boundsInWords(1, undefined)).toBe('');
});
