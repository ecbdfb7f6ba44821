// The sources of the generated pages are complete: bodies of routes, error codes of the database, problems of
// definitions, blocks. docs.truth.test.ts compares the pages themselves with the routes and step codes, and
// scripts/docs/main.ts checks that the committed pages are current.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  DEFINITION_PROBLEMS,
  RUN_ERRORS,
  START_ERRORS,
  STEP_ERRORS,
} from '../../functions/_shared/errors/codes.ts';
import { ERRORS } from '../../functions/_shared/errors/index.ts';
import { OPERATIONS } from '../../functions/api/operations.ts';
import { BLOCKS, blockOf } from '../../scripts/docs/blocks.ts';
import { firstSentence } from '../../scripts/docs/markdown.ts';
import { permissionIn, statesIn } from '../../scripts/docs/rpcs.ts';
import { ROOT } from '../../scripts/stack/options.ts';

const read = (pattern: string): string =>
  globSync(pattern, { cwd: ROOT })
    .filter((name) => !name.endsWith('.test.ts'))
    .sort()
    .map((name) => readFileSync(join(ROOT, name), 'utf8'))
    .join('\n');

const found = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];

describe('reference/http-api.md', () => {
  it('describes the body of every route that reads one', () => {
    const bodies = found(read('functions/api/routes/*.ts'), /^export const (\w+Body) =/gm);
    const used = found(read('functions/api/routes/*.ts'), /body: (\w+Body),/g);
    expect(used.sort()).toEqual(bodies.sort());
  });

  it('gives every operation an id, a title and a path of its own', () => {
    for (const values of [
      OPERATIONS.map(({ id }) => id),
      OPERATIONS.map(({ title }) => title),
      OPERATIONS.map(({ method, path }) => `${method} ${path}`),
    ]) {
      expect(values).toEqual([...new Set(values)]);
    }
  });

  it('lets every POST that answers with 201 be repeated', () => {
    const creating = OPERATIONS.filter(({ replies }) => Object.hasOwn(replies, 201));
    const without = creating.filter(
      ({ headers }) => !Object.hasOwn(headers ?? {}, 'Idempotency-Key'),
    );
    expect(without.map(({ id }) => id)).toEqual([]);
  });
});

describe('reference/errors.md', () => {
  const functions = read('functions/**/*.ts').replaceAll(
    readFileSync(join(ROOT, 'functions/_shared/errors/codes.ts'), 'utf8'),
    '',
  );
  // In step_types, "code" is the key of a config, in the explanations that of a reason, in the audit log that of a
  // broken seal, and of an agent what its model is told.
  const migrations = read(
    'supabase/migrations/!(*_step_types|*_explain_*|*_rpc_audit_seals|*_run_agents).sql',
  );

  it('lists every code that the database writes', () => {
    const written = [
      // A list of keys is no code, and neither is a key that is read.
      ...found(migrations, /(?<!\bin \(|->>? )'code', '(\w+)'/g),
      ...found(migrations, /"code": "(\w+)"/g),
    ];
    // Prefixes: child_ with the status of the child, unknown_ with the unknown object.
    const listed = (code: string) =>
      code.endsWith('_')
        ? Object.keys(STEP_ERRORS).some((name) => name.startsWith(code))
        : [STEP_ERRORS, RUN_ERRORS, START_ERRORS, ERRORS].some((of) => Object.hasOwn(of, code));
    expect(written.filter((code) => !listed(code))).toEqual([]);
  });

  it('lists no step error that does not exist in the code', () => {
    const sources = `${functions}\n${migrations}`;
    const known = (code: string) =>
      new RegExp(`['"]${code}['"]`).test(sources) || /^(child|unknown)_/.test(code);
    expect(Object.keys(STEP_ERRORS).filter((code) => !known(code))).toEqual([]);
  });

  it('lists every problem of a definition and no other', () => {
    const sources = read('supabase/migrations/*.sql')
      .split(/(?=^create function )/m)
      .filter((text) => /^create function [\w.]+_problems\(/.test(text))
      .join('\n')
      // Comments quote other words.
      .replaceAll(/--.*$/gm, '');
    // A code precedes its message: text that starts with a capital or a key, or a call of format. A key
    // that is read (`->> 'type'`) is no code.
    const raised = found(
      sources,
      /(?<!->>? )'([a-z]+(?:_[a-z]+)*)'(?: as code)?,\s*(?=format\(|'[A-Z]|'(?:\w+ must|config')|(?:p_)?place\b)/g,
    );
    expect(raised.sort()).toEqual(Object.keys(DEFINITION_PROBLEMS).sort());
  });
});

describe('internals/engine-map.md', () => {
  it('has a block for every migration', () => {
    const files = globSync('*.sql', { cwd: join(ROOT, 'supabase', 'migrations') });
    expect(files.filter((file) => BLOCKS[blockOf(file)] === undefined)).toEqual([]);
  });
});

describe('comments on functions', () => {
  it('give their first sentence, permission and errors', () => {
    const comment =
      'Starts a run (kebab_name) and returns it. Needs run:execute. Errors: SB404 no workflow, SB409, SB429 too many wait.';
    expect(firstSentence(comment)).toBe('Starts a run (kebab_name) and returns it.');
    expect(permissionIn(comment)).toBe('run:execute');
    expect(statesIn(comment)).toEqual([
      ['SB404', 'no workflow'],
      ['SB409', ''],
      ['SB429', 'too many wait'],
    ]);
  });
});
