// SQL and TypeScript agree on what expressions read: SQL never overlooks a step that the worker reads, and it is certain
// only of steps that the syntax tree shows. Definitions are refused by the former, and checked further by the latter.

import fc from 'fast-check';
import jsonata from 'jsonata';
import { expect, test } from 'vitest';
import { analyseCode } from '../../functions/_shared/expressions/code-analysis.ts';
import { compileExpression, compileTemplate } from '../../functions/_shared/expressions/index.ts';
import { scopePaths } from '../../functions/_shared/expressions/scope-paths.ts';
import { pool } from '../support/stack.ts';

const db = pool();

interface Reads {
  names: Set<string>;
  certain: Set<string>;
}

function toReads(rows: readonly { step: string; is_certain: boolean }[]): Reads {
  return {
    names: new Set(rows.map(({ step }) => step)),
    certain: new Set(rows.filter((row) => row.is_certain).map(({ step }) => step)),
  };
}

async function inSql(source: string, language: 'jsonata' | 'javascript'): Promise<Reads> {
  const { rows } = await db.query('select * from stepbase_private.read_steps($1, $2)', [
    source,
    language,
  ]);
  return toReads(rows);
}

async function ofConfig(config: object): Promise<Reads> {
  const { rows } = await db.query(
    `select r.* from stepbase_private.config_expressions('http_request', $1) e
     cross join stepbase_private.read_steps(e.expression, e.language) r`,
    [JSON.stringify(config)],
  );
  return toReads(rows);
}

function isValid(source: string): boolean {
  try {
    compileExpression(source);
    return true;
  } catch {
    return false;
  }
}

function certainOf(source: string): Set<string> {
  const paths = scopePaths(jsonata(source).ast());
  return new Set(
    paths.flatMap(({ names: [root, id] }) => (root === 'steps' && id !== undefined ? [id] : [])),
  );
}

function expectCovered(source: string, reads: readonly string[] | 'all', sql: Reads): void {
  if (sql.names.has('*')) return;
  expect({
    source,
    reads,
    covered: reads !== 'all' && reads.every((id) => sql.names.has(id)),
  }).toEqual({ source, reads, covered: true });
}

const id = fc.constantFrom('a', 'b', 'c_1');
const quotedId = fc.oneof(id, fc.constantFrom('`b-c`', '"b-c"', "'b c'", '`steps`', '"a.steps.b"'));
const gap = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  fc.constantFrom(' ', '\n', '/* steps.c_1 */', ' /* " */ '),
);
const rest = fc.constantFrom('', '.output', '.output.total', '.output.steps.a', '.output[0].x');
const joined = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((all) => all.join(''));
const word = (text: string) => fc.constant(text);

const stepPath = joined(word('steps'), gap, word('.'), gap, quotedId, rest);
const otherPath = fc.constantFrom(
  ...['input', 'input.steps.b', 'input.`my steps`.a', 'context', 'run.id', 'mysteps.a', '$x.y'],
);
const literal = fc.constantFrom(
  ...['1', '"steps.b"', "'steps.a \\' steps.b'", '"\\" & steps.c_1"', '"}}"', 'true', '"/"'],
);

/** Without filters, regular expressions and parts for each item: SQL decides as exactly as TypeScript. */
const { plain } = fc.letrec<{ plain: string }>((tie) => ({
  plain: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof({ weight: 3, arbitrary: stepPath }, otherPath, literal),
    joined(
      gap,
      tie('plain'),
      gap,
      fc.constantFrom(' & ', ' + ', ' = ', ' and ', ' / ', ' in '),
      tie('plain'),
    ),
    joined(fc.constantFrom('$uppercase(', '$sum(', '('), gap, tie('plain'), gap, word(')')),
    joined(word('{"steps": '), tie('plain'), word(', "k": ['), tie('plain'), word(']}')),
    joined(tie('plain'), word(' > 1 ? '), tie('plain'), word(' : '), tie('plain')),
    joined(word('($x := '), tie('plain'), word('; '), tie('plain'), word(')')),
  ),
}));

const { any } = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      { weight: 3, arbitrary: stepPath },
      otherPath,
      literal,
      fc.constantFrom(
        ...[
          '$$.steps.a',
          '$.steps.b',
          '$',
          '$$',
          'steps',
          'steps.*',
          '*',
          '**',
          'steps["a"].output',
        ],
        ...[
          'steps[$.x]',
          '$keys(steps)',
          '$keys()',
          '$now()',
          '$lookup("a")',
          '$lookup(input, "a")',
        ],
        ...[
          'input.%.steps.a',
          '$eval("steps.a")',
          '"steps".a',
          '(steps)."a"',
          '($x := $$; $x.steps.a)',
        ],
        ...['$match(input.a, /steps.a/)', '$split(input.a, /"/)', '$contains(input.a, /[/]"/)'],
        ...['$replace(input.a, /(a"\\/)b/i, steps.a.output)', '/x"/', '$$ ~> $keys'],
      ),
    ),
    joined(
      gap,
      tie('any'),
      gap,
      fc.constantFrom(' & ', ' / ', ' % ', ' * ', ' ~> ', ' or '),
      tie('any'),
    ),
    joined(fc.constantFrom('$sum(', '(', '$map(input.list, '), tie('any'), word(')')),
    joined(
      word('input.list'),
      fc.constantFrom('[', '.(', '^(', '.$sum('),
      tie('any'),
      fc.constantFrom(']', ')'),
    ),
    joined(fc.constantFrom('input.list', 'input.list.', ''), word('{"k": '), tie('any'), word('}')),
    joined(word('function($v) { '), tie('any'), word(' }')),
    joined(word('input ~> | list | {"k": '), tie('any'), word('} |')),
    joined(word('('), tie('any'), word(').steps.b')),
    joined(tie('any'), word(' ? '), tie('any'), word(' : '), tie('any')),
  ),
}));

const valid = (source: fc.Arbitrary<string>) => source.filter(isValid);

test('SQL finds the same steps as TypeScript in expressions that read the scope only', async () => {
  await fc.assert(
    fc.asyncProperty(valid(plain), async (source) => {
      const sql = await inSql(source, 'jsonata');
      expect({ source, certain: [...sql.certain].sort() }).toEqual({
        source,
        certain: [...certainOf(source)].sort(),
      });
      expectCovered(source, compileExpression(source).reads, sql);
    }),
    { numRuns: 400 },
  );
});

test('SQL overlooks no step that any expression reads, and is certain of none that it does not', async () => {
  await fc.assert(
    fc.asyncProperty(valid(any), async (source) => {
      const sql = await inSql(source, 'jsonata');
      const certain = certainOf(source);
      expect({ source, extra: [...sql.certain].filter((step) => !certain.has(step)) }).toEqual({
        source,
        extra: [],
      });
      expectCovered(source, compileExpression(source).reads, sql);
    }),
    { numRuns: 800 },
  );
});

test('SQL overlooks no step that the templates of a config read', async () => {
  const text = fc.constantFrom('', ' and ', ' steps.b ', '}', '{', '"');
  const template = joined(text, word('{{'), valid(any), word('}}'), text);
  const config = fc.record({
    url: joined(template, template),
    body: fc.array(template, { maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(config, async (given) => {
      let reads: readonly string[] | 'all';
      try {
        ({ reads } = compileTemplate(given));
      } catch {
        return;
      }
      expectCovered(JSON.stringify(given), reads, await ofConfig(given));
    }),
    { numRuns: 300 },
  );
});

test('SQL and the worker find the same steps in code', async () => {
  const head = fc.constantFrom(
    ...[
      '({ steps }) =>',
      '({ input, steps }) =>',
      '() =>',
      '({ input }) =>',
      'async ({ steps }) =>',
    ],
    ...[
      '(scope) =>',
      '({ steps: s }) =>',
      '({ ...all }) =>',
      'function run({steps}) {',
      'steps =>',
    ],
  );
  const use = fc.constantFrom(
    ...[
      'steps.a',
      'steps.a.output',
      "steps['b-c']",
      'steps?.["b"]?.output',
      'steps [ "a" ]',
      'steps[id]',
    ],
    ...[
      'Object.keys(steps)',
      '"steps.b.output"',
      '/* steps.a */',
      '`steps.a.output`',
      'input.steps.a',
    ],
    ...[
      'const { a } = steps',
      'arguments[0]',
      'eval("1")',
      'mysteps.a',
      'steps\n  .b.output',
      '/steps.a/',
    ],
    ...['steps.a.output / 2', 'x . steps.b.output', '\\u0073teps.a', "'it\\'s steps.b.output'"],
  );
  const code = fc
    .tuple(head, fc.array(use, { maxLength: 4 }))
    .map(([start, uses]) => `${start} ${uses.join(' + ')}`);
  await fc.assert(
    fc.asyncProperty(code, async (source) => {
      const { reads } = analyseCode(source);
      const sql = await inSql(source, 'javascript');
      const found = sql.names.has('*') ? 'all' : [...sql.names].sort();
      expect({ source, found }).toEqual({ source, found: reads });
      if (reads === 'all') expect(sql.certain.size).toBe(0);
      else expect(reads).toEqual(expect.arrayContaining([...sql.certain]));
    }),
    { numRuns: 400 },
  );
});
