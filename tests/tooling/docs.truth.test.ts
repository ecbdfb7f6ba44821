// Routes, error codes, warnings, RPCs and tables in the documentation are those of the code.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { userTokenVerifier } from '../../functions/_shared/auth/index.ts';
import { systemClock } from '../../functions/_shared/clock/clock.ts';
import { openDb } from '../../functions/_shared/db/pool.ts';
import { parseEnv } from '../../functions/_shared/env/env.ts';
import { ERRORS, SQLSTATES } from '../../functions/_shared/errors/index.ts';
import { createHandshake } from '../../functions/_shared/handshake/index.ts';
import { createLog } from '../../functions/_shared/log/log.ts';
import { openBus } from '../../functions/_shared/redis/bus.ts';
import { createApp } from '../../functions/api/app.ts';
import { createReads } from '../../functions/api/replica/reads.ts';
import { createOpenStreams } from '../../functions/api/stream/open-streams.ts';
import { REFUSALS } from '../../functions/worker/steps/refusal.ts';
import { EDGE_FUNCTIONS } from '../../scripts/bundle.ts';
import { FUNCTIONS } from '../../scripts/deno-imports.ts';
import { pool } from '../support/stack.ts';
import { blocks, read as page, pages, sources } from './docs-pages.ts';

const ROOT = new URL('../../', import.meta.url);

/** The routes of the app, built as index.ts builds it. No connection is opened. */
function routes(): string[] {
  const env = parseEnv({
    DATABASE_URL: 'postgres://none@127.0.0.1:1/none',
    SUPABASE_URL: 'http://127.0.0.1:1',
  });
  const log = createLog({ level: 'error' });
  const db = openDb({ connectionString: env.database.url, max: 1, applicationName: 'docs' });
  const app = createApp({
    db,
    reads: createReads({ primary: db, replica: undefined, clock: systemClock, log }),
    bus: openBus(undefined, log, systemClock),
    log,
    clock: systemClock,
    handshake: createHandshake({ ask: () => Promise.resolve(undefined), clock: systemClock }),
    identify: {
      verifyUserToken: userTokenVerifier(env.jwt),
      findApiKey: () => Promise.resolve(undefined),
      publishableKeys: [],
      secretKeys: [],
    },
    streams: createOpenStreams(),
    storage: env.steps.storage,
    settings: env.api,
    metrics: env.metrics,
  });
  // Operators read /metrics: docs/operations/metrics.md describes it.
  const own = app.routes.filter(
    ({ method, path }) => method !== 'ALL' && path !== '/stepbase-api/metrics',
  );
  return [
    ...new Set(own.map(({ method, path }) => `${method} ${path.replace(/^\/stepbase-api/, '')}`)),
  ];
}

/** The codes in the first column of the table with this head. */
function codesOfTable(name: string, head: RegExp): string[] {
  const lines = page(name).split('\n');
  const start = lines.findIndex((line) => head.test(line)) + 2;
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines.slice(start, start + length).flatMap((row) => {
    const [, cell = ''] = row.split('|');
    return [...cell.matchAll(/`(\w+)`/g)].map(([, code = '']) => code);
  });
}

describe('the documentation', () => {
  const lines = pages.flatMap((name) => page(name).split('\n'));
  const guide = page('docs/guides/write-a-workflow.md');

  it('describes every route of the HTTP API and no other', () => {
    const named = page('docs/reference/http-api.md').matchAll(
      /`((?:GET|POST|PUT|PATCH|DELETE) \/[^\s`?]*)`/g,
    );
    expect([...new Set([...named].map(([, route]) => route))].sort()).toEqual(routes().sort());
  });

  it.each(Object.entries(SQLSTATES).filter(([state]) => state.startsWith('SB')))(
    'lists %s with its code %s and HTTP status',
    (state, code) => {
      const { status } = ERRORS[code];
      const cells = (line: string) =>
        line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
      const rows = lines.filter((line) => line.startsWith('|') && cells(line).includes(state));
      expect(rows.map(cells)).toContainEqual(expect.arrayContaining([state, code, String(status)]));
    },
  );

  it.each(Object.entries(ERRORS))('lists the code %s of the HTTP API', (code, { status }) => {
    const rows = lines.filter((line) => line.includes(`\`${code}\``));
    expect(rows.filter((line) => new RegExp(`\\b${status}\\b`).test(line))).not.toEqual([]);
  });

  it('lists every code that a step can fail with, and no other', () => {
    const named = codesOfTable('docs/reference/errors.md', /^\| code \|.*\bretr/);
    const source = [...sources('functions/**/*.ts'), ...sources('supabase/migrations/*.sql')].join(
      '\n',
    );
    const raised = [
      ...source.matchAll(/new StepError\(\s*'(\w+)'/g),
      ...source.matchAll(/\bnew Failure\('(code_\w+)'/g),
      ...source.matchAll(/new ExpressionError\(\s*'(\w+)'/g),
      ...source.matchAll(/^ {2}SB\d+: '(\w+)',$/gm),
    ].map(([, code = '']) => code);
    // Not failures of a step: errors of the HTTP API, a cancelled step, and refusals to compile a definition.
    const elsewhere = new Set([
      ...Object.keys(ERRORS),
      'cancelled',
      'secret_not_literal',
      'secret_not_allowed',
    ]);
    const refused = Object.values(REFUSALS);
    const wanted = new Set([...raised.filter((code) => !elsewhere.has(code)), ...refused]);
    expect([...wanted].filter((code) => !named.includes(code))).toEqual([]);
    // Some codes are composed, for example of child_ and the status of the child.
    const known = (code: string) =>
      new RegExp(`['"]${code}['"]`).test(source) || /^(child|unknown)_/.test(code);
    expect(named.filter((code) => !known(code))).toEqual([]);
  });

  it('names every keyword of JSON Schema that the database knows, and no other', () => {
    const [sql = ''] = sources('supabase/migrations/*_json_schema.sql');
    const known = [...sql.matchAll(/\bp_schema (?:\?|->>?) '(\w+)'/g)].map(([, word = '']) => word);
    const [, list = ''] = /It knows ([\s\S]*?)\. Other keywords/.exec(guide) ?? [];
    // The parentheses hold the formats.
    const named = [...list.replaceAll(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)];
    expect(named.map(([, word = '']) => word).sort()).toEqual([...new Set(known)].sort());
  });

  it('lists every warning of explain, and no other', () => {
    const [sql = ''] = sources('supabase/migrations/*_explain_warnings.sql');
    const given = [...sql.matchAll(/^ {8}'([a-z_]+)',$/gm)].map(([, code = '']) => code);
    const listed = codesOfTable('docs/guides/explain-a-workflow.md', /^\| code \| meaning \|$/);
    expect(listed.sort()).toEqual([...new Set(given)].sort());
  });
});

describe('the client examples', () => {
  const db = pool();
  const examples = pages.flatMap((name) =>
    ['ts', 'js'].flatMap((language) =>
      blocks(page(name), language).map((block) => ({ name, block })),
    ),
  );
  const found = (pattern: RegExp) =>
    examples.flatMap(({ name, block }) =>
      [...block.matchAll(pattern)].map(([, called = '', rest = '']) => ({ name, called, rest })),
    );

  /** The keys of an object literal at its outermost level. */
  function keysOf(literal: string): string[] {
    let depth = 0;
    let outer = '';
    for (const character of literal) {
      if (/[)}\]]/.test(character)) depth -= 1;
      if (depth < 0) break;
      if (depth === 0) outer += character;
      if (/[({[]/.test(character)) depth += 1;
    }
    return outer.split(',').flatMap((entry) => /^\s*(\w+)\s*(?::|$)/.exec(entry)?.[1] ?? []);
  }

  it.each(found(/\.rpc\(\s*'(\w+)'(?:,\s*\{([\s\S]*))?/g))(
    '$name: the RPC $called takes the arguments',
    async ({ called, rest }) => {
      const { rows } = await db.query<{ args: string[] }>(
        `select coalesce(p.proargnames, '{}') as args from pg_proc p
         join pg_namespace n on n.oid = p.pronamespace
         where n.nspname = any(array['stepbase', 'public']) and p.proname = $1`,
        [called],
      );
      expect(rows).toHaveLength(1);
      expect(rows[0]?.args).toEqual(expect.arrayContaining(keysOf(rest)));
    },
  );

  it.each(found(/\.from\(\s*'(\w+)'\)\s*\.(?:insert|update)\(\{([\s\S]*)/g))(
    '$name: the table $called has the columns',
    async ({ called, rest }) => {
      const { rows } = await db.query<{ name: string }>(
        `select a.attname::text as name from pg_attribute a
         join pg_class c on c.oid = a.attrelid
         join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = any(array['stepbase', 'public']) and c.relname = $1 and a.attnum > 0`,
        [called],
      );
      expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(keysOf(rest)));
    },
  );

  // Not `storage.from`, which names a bucket.
  it.each(found(/(?<!\bstorage)\.from\(\s*'(\w+)'/g))(
    '$name: $called exists',
    async ({ called }) => {
      const { rows } = await db.query(
        `select from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = any(array['stepbase', 'public']) and c.relname = $1`,
        [called],
      );
      expect(rows).toHaveLength(1);
    },
  );
});

describe('supabase/config.toml', () => {
  it.each(FUNCTIONS)('deploys the bundle of function %s, without verify_jwt', (name) => {
    const section =
      page('supabase/config.toml').split(`[functions.stepbase-${name}]`)[1]?.split('\n[')[0] ?? '';
    expect(section).toContain('verify_jwt = false');
    expect(section).toContain(`entrypoint = "../dist/functions/stepbase-${name}/index.js"`);
    expect(EDGE_FUNCTIONS[`stepbase-${name}`]).toBe(name);
    expect(existsSync(new URL(`functions/${name}/index.ts`, ROOT))).toBe(true);
  });
});
