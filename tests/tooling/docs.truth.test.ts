// What the pages say about routes, errors and functions is what the code has.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { userTokenVerifier } from '../../functions/_shared/auth/index.ts';
import { openDb } from '../../functions/_shared/engine/db.ts';
import { parseEnv } from '../../functions/_shared/env/env.ts';
import { ERRORS, SQLSTATES } from '../../functions/_shared/errors/index.ts';
import { createLog } from '../../functions/_shared/log/log.ts';
import { openBus } from '../../functions/_shared/redis/bus.ts';
import { REFUSALS } from '../../functions/_shared/steps/refusal.ts';
import { createApp } from '../../functions/api/app.ts';
import { FUNCTIONS } from '../../scripts/deno-imports.ts';

const ROOT = new URL('../../', import.meta.url);
const page = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

/** The routes of the app, built as index.ts builds it; nothing is called, so nothing is connected. */
function routes(): string[] {
  const env = parseEnv({
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    SUPABASE_URL: 'http://127.0.0.1:1',
  });
  const log = createLog({ level: 'error' });
  const app = createApp({
    db: openDb({ connectionString: env.database.url, max: 1, applicationName: 'docs' }),
    bus: openBus(undefined, log),
    log,
    identify: {
      verifyUserToken: userTokenVerifier(env.jwt),
      findApiKey: () => Promise.resolve(undefined),
      publishableKeys: [],
      secretKeys: [],
    },
    settings: env.api,
  });
  const own = app.routes.filter(({ method }) => method !== 'ALL');
  return [
    ...new Set(own.map(({ method, path }) => `${method} ${path.replace(/^\/stepbase-api/, '')}`)),
  ];
}

const sources = (pattern: string): string[] =>
  globSync(pattern, { cwd: ROOT })
    .filter((name) => !name.endsWith('.test.ts'))
    .map((name) => page(name));

/** What the first column of the table with this head names. */
function codesOfTable(name: string, head: string): string[] {
  const [, after = ''] = page(name).split(`| ${head} |\n`);
  const [rows = ''] = after.split('\n\n', 1);
  return rows.split('\n').flatMap((row) => {
    const [, cell = ''] = row.split(' | ', 1)[0]?.split('| ') ?? [];
    return [...cell.matchAll(/`(\w+)`/g)].map(([, code = '']) => code);
  });
}

describe('the pages', () => {
  it('README lists every route of the HTTP API and no other', () => {
    const [, table = ''] =
      /\| HTTP API[^\n]*\n\|---\|---\|\n((?:\|.*\n)+)/.exec(page('README.md')) ?? [];
    const listed = table.split('\n').flatMap((row) => {
      const [cell = ''] = row.split('|').slice(1);
      const paths = [...cell.matchAll(/`(?:(GET|POST) )?([^`]+)`/g)];
      return paths.map(([, method, path = ''], index) => {
        const [, first = ''] = paths[0]?.[0].match(/(GET|POST)/) ?? [];
        const before = paths[index - 1]?.[2] ?? '';
        return `${method ?? first} ${path.replace('…', before.replace(/\/[^/]*$/, ''))}`;
      });
    });
    expect(listed.sort()).toEqual(routes().sort());
  });

  it('docs/operations.md lists every SQLSTATE of ours with its code and status', () => {
    const rows = [...page('docs/operations.md').matchAll(/^\| (SB\d+) \| `(\w+)` \| (\d+) \|$/gm)];
    const ours = Object.entries(SQLSTATES).filter(([state]) => state.startsWith('SB'));
    expect(rows.map(([, state, code, status]) => [state, code, Number(status)]).sort()).toEqual(
      ours.map(([state, code]) => [state, code, ERRORS[code].status]).sort(),
    );
  });

  it('docs/operations.md names every code of the HTTP API', () => {
    for (const [code, { status }] of Object.entries(ERRORS)) {
      expect(page('docs/operations.md')).toMatch(
        new RegExp(`\\| \`${code}\` \\| ${status} \\||\`${code}\` \\(${status}[,)]`),
      );
    }
  });

  it('docs/workflows.md names every code that a step can fail with, and no other', () => {
    const named = codesOfTable('docs/workflows.md', 'code | when | retried');
    const source = [...sources('functions/**/*.ts'), ...sources('supabase/migrations/*.sql')].join(
      '\n',
    );
    const raised = [
      ...source.matchAll(/new StepError\(\s*'(\w+)'/g),
      ...source.matchAll(/\bnew Failure\('(code_\w+)'/g),
      ...source.matchAll(/new ExpressionError\(\s*'(\w+)'/g),
      ...source.matchAll(/^ {2}SB\d+: '(\w+)',$/gm),
    ].map(([, code = '']) => code);
    // Those of the HTTP API; a step that was cancelled has not failed; these keep a step from being compiled.
    const elsewhere = new Set([
      ...Object.keys(ERRORS),
      'cancelled',
      'secret_not_literal',
      'secret_not_allowed',
    ]);
    const refused = Object.values(REFUSALS);
    const wanted = new Set([...raised.filter((code) => !elsewhere.has(code)), ...refused]);
    expect([...wanted].filter((code) => !named.includes(code))).toEqual([]);
    // Some are put together: child_ and the status of the child, unknown_ and what is not known.
    const known = (code: string) =>
      new RegExp(`['"]${code}['"]`).test(source) || /^(child|unknown)_/.test(code);
    expect(named.filter((code) => !known(code))).toEqual([]);
  });

  it('docs/workflows.md names every keyword of JSON Schema that the database knows, and no other', () => {
    const [sql = ''] = sources('supabase/migrations/*_json_schema.sql');
    const known = [...sql.matchAll(/\bschema (?:\?|->>?) '(\w+)'/g)].map(([, word = '']) => word);
    const [, list = ''] =
      /It knows ([\s\S]*?)\. Other keywords/.exec(page('docs/workflows.md')) ?? [];
    // In parentheses: the formats.
    const named = [...list.replaceAll(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)];
    expect(named.map(([, word = '']) => word).sort()).toEqual([...new Set(known)].sort());
  });

  it('docs/workflows.md names every warning of explain, and no other', () => {
    const [sql = ''] = sources('supabase/migrations/*_rpc_explain.sql');
    const given = [...sql.matchAll(/^ {8}'([a-z_]+)',$/gm)].map(([, code = '']) => code);
    expect(codesOfTable('docs/workflows.md', 'code | meaning').sort()).toEqual(
      [...new Set(given)].sort(),
    );
  });

  it('the links of the pages lead somewhere', () => {
    for (const name of ['README.md', 'docs/operations.md', 'docs/workflows.md']) {
      const links = [...page(name).matchAll(/\]\((?!https?:)([^)#]+)\)/g)];
      for (const [, link = ''] of links) {
        expect(existsSync(new URL(link, new URL(name, ROOT))), `${name}: ${link}`).toBe(true);
      }
    }
  });
});

describe('supabase/config.toml', () => {
  it.each(FUNCTIONS)(
    'declares the function %s where it is, and lets it verify callers itself',
    (name) => {
      const section =
        page('supabase/config.toml').split(`[functions.stepbase-${name}]`)[1]?.split('\n[')[0] ?? '';
      expect(section).toContain('verify_jwt = false');
      for (const [key, file] of [
        ['entrypoint', `functions/${name}/index.ts`],
        ['import_map', `functions/${name}/deno.json`],
      ]) {
        expect(section).toContain(`${key} = "../${file}"`);
        expect(existsSync(new URL(file ?? '', ROOT))).toBe(true);
      }
    },
  );
});
