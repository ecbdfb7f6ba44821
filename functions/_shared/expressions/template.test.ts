// Templates in a step's config: types of values, text, secrets, and errors with their place.

import assert from 'node:assert/strict';
import { ExpressionError } from './errors.ts';
import type { Scope } from './jsonata.ts';
import { resolveSecrets } from './secrets.ts';
import { compileTemplate } from './template.ts';

const scope: Scope = {
  input: { id: 42, name: 'Ada', flag: false, list: [1, 2], none: null },
  steps: {
    fetch: { output: { status: 200, body: { items: [{ n: 1 }, { n: 2 }], 'odd key': 'x' } } },
  },
  context: { total: 7 },
  run: { id: 'run-1' },
  item: { sku: 'A' },
  index: 3,
};

const resolve = async (config: unknown): Promise<unknown> =>
  (await compileTemplate(config).resolve(scope)).stored;

function errorOf(work: () => unknown): ExpressionError {
  try {
    work();
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error('expected an ExpressionError');
}

Deno.test('a string that is one template keeps the type of its value', async () => {
  assert.deepEqual(
    await resolve({
      number: '{{ input.id }}',
      flag: '{{input.flag}}',
      list: '{{ input.list }}',
      object: '{{ steps.fetch.output.body.items[0] }}',
      none: '{{ input.none }}',
      text: '{{ input.name }}',
      run: '{{ run.id }}',
      item: '{{ item.sku }}',
      index: '{{ index }}',
      context: '{{ context.total }}',
    }),
    {
      number: 42,
      flag: false,
      list: [1, 2],
      object: { n: 1 },
      none: null,
      text: 'Ada',
      run: 'run-1',
      item: 'A',
      index: 3,
      context: 7,
    },
  );
});

Deno.test('a template among text becomes text', async () => {
  assert.equal(
    await resolve(
      '{{ input.name }} has {{ input.id }}, {{ input.list }}, {{ input.missing }}|{{ input.none }}.',
    ),
    'Ada has 42, [1,2], |.',
  );
  assert.equal(await resolve(' {{ input.id }}'), ' 42');
});

Deno.test('a number among text is written as $string writes it, and an integer with all its digits', async () => {
  for (const number of [
    '0.1 + 0.2',
    '1.1 * 3',
    '1 / 3',
    '100 * 1.1',
    '-0.7 - 0.1',
    '2.50',
    '1e-7',
    '7',
  ]) {
    assert.equal(await resolve(`n {{ ${number} }}`), await resolve(`{{ "n " & (${number}) }}`));
    assert.equal(
      await resolve(`n {{ [${number}] }}`),
      await resolve(`{{ "n " & $string([${number}]) }}`),
    );
  }
  assert.equal(await resolve('n {{ 1234567890123457 }}'), 'n 1234567890123457');
});

Deno.test('templates in nested arrays and objects are resolved; keys and other types are not changed', async () => {
  assert.deepEqual(await resolve({ '{{ a }}': [1, true, null, { deep: ['{{ input.id }}'] }] }), {
    '{{ a }}': [1, true, null, { deep: [42] }],
  });
});

Deno.test('a template without a value is omitted from objects and null elsewhere', async () => {
  assert.deepEqual(await resolve({ a: '{{ input.missing }}', b: ['{{ input.missing }}'] }), {
    b: [null],
  });
  assert.equal(await resolve('{{ input.missing }}'), null);
});

Deno.test('braces inside an expression do not end it', async () => {
  assert.deepEqual(await resolve('{{ {"a": {"b": input.id}} }}'), { a: { b: 42 } });
  assert.deepEqual(await resolve('{{ {"a":{"b":input.id}}}}'), { a: { b: 42 } });
  assert.equal(await resolve('{{ "}}" & input.id }}'), '}}42');
  assert.equal(await resolve('{{ "{{" }} and {{ "}}" }}'), '{{ and }}');
});

Deno.test('a list of one value stays a list', async () => {
  const one: Scope = { ...scope, input: { list: [1], empty: [] } };
  const { stored } = await compileTemplate({
    a: '{{ input.list }}',
    b: '{{ input.empty }}',
  }).resolve(one);
  assert.deepEqual(stored, { a: [1], b: [] });
});

Deno.test('the steps that a template reads are found', () => {
  const { reads, usesContext, secrets } = compileTemplate({
    url: 'https://x/{{ steps.b.output }}/{{ steps.`my-step`.output.id }}',
    auth: '{{ secrets.token }}',
    limit: '{{ context.limit }}',
  });
  assert.deepEqual(reads, ['b', 'my-step']);
  assert.equal(usesContext, true);
  assert.deepEqual(secrets, ['token']);
});

Deno.test('secrets are stored as their templates and resolved last', async () => {
  const template = compileTemplate({
    url: 'https://x/{{ input.id }}?key={{ secrets.key }}',
    basic: "{{ 'Basic ' & $base64encode(secrets.user & ':' & secrets.pass) }}",
    plain: '{{ input.name }}',
  });
  const resolved = await template.resolve(scope);
  assert.deepEqual(resolved.stored, {
    url: 'https://x/42?key={{ secrets.key }}',
    basic: "{{ 'Basic ' & $base64encode(secrets.user & ':' & secrets.pass) }}",
    plain: 'Ada',
  });
  assert.deepEqual(resolved.secrets, ['key', 'pass', 'user']);
  const known: Record<string, string> = { key: 'k3y-k3y', user: 'u', pass: 'p' };
  const { config, mask } = await resolveSecrets(resolved, (name) => ({ value: known[name] ?? '' }));
  assert.deepEqual(config, { url: 'https://x/42?key=k3y-k3y', basic: 'Basic dTpw', plain: 'Ada' });
  assert.deepEqual(mask({ a: ['got k3y-k3y'], b: 1 }), { a: ['got ***'], b: 1 });
});

Deno.test('a text that was cut within a secret contains no part of it', async () => {
  const key = 'k3y-0123456789';
  const resolved = await compileTemplate('{{ secrets.key }}').resolve(scope);
  const { mask } = await resolveSecrets(resolved, () => ({ value: key }));
  assert.equal(mask(`got ${key.slice(0, 10)}`), 'got ***');
  assert.equal(mask(`got ${key.slice(0, 8)}…`), 'got ***…');
  assert.equal(mask('got k3y-…'), 'got k3y-…');
  assert.equal(mask(`${key.slice(0, 10)} got`), `${key.slice(0, 10)} got`);
});

Deno.test('the error of an expression with a secret contains no form of it', async () => {
  for (const expression of [
    '$error(secrets.key)',
    '$error($join($reverse($split(secrets.key, ""))))',
    '$toMillis(secrets.key)',
    '$number(secrets.key)',
    '$eval(secrets.key)',
    '$substring(secrets.key, 0, 6)[$error($)]',
  ]) {
    const resolved = await compileTemplate({ a: `{{ ${expression} }}` }).resolve(scope);
    await assert.rejects(
      resolveSecrets(resolved, () => ({ value: 'k3y-0123456789' })),
      (error: unknown) => {
        assert.ok(error instanceof ExpressionError);
        const text = `${error.message} ${JSON.stringify(error.details)}`;
        assert.doesNotMatch(text, /k3y|0123|3210/, expression);
        assert.match(error.message, /^a: an expression with a secret failed$/);
        return true;
      },
    );
  }
});

Deno.test('input text that looks like a secret template is not resolved', async () => {
  const resolved = await compileTemplate({
    note: '{{ input.note }}',
    key: '{{ secrets.key }}',
  }).resolve({
    ...scope,
    input: { note: '{{ secrets.key }}' },
  });
  const { config } = await resolveSecrets(resolved, () => ({ value: 'the-key' }));
  assert.deepEqual(config, { note: '{{ secrets.key }}', key: 'the-key' });
});

Deno.test('a secret is read only if it is used, and it must exist', async () => {
  const asked: string[] = [];
  const lookup = (name: string) => {
    asked.push(name);
    return { value: 'value' };
  };
  await resolveSecrets(await compileTemplate({ a: '{{ input.id }}' }).resolve(scope), lookup);
  assert.deepEqual(asked, []);
  const resolved = await compileTemplate({ a: '{{ secrets.gone }}' }).resolve(scope);
  await assert.rejects(
    resolveSecrets(resolved, () => undefined),
    (error: unknown) => error instanceof ExpressionError && error.code === 'secret_not_found',
  );
});

Deno.test('secrets cannot be collected without their names', () => {
  for (const expression of [
    'secrets',
    '$keys(secrets)',
    'secrets.*',
    '$lookup(secrets, input.name)',
    'secrets[0]',
  ]) {
    assert.equal(
      errorOf(() => compileTemplate({ a: `{{ ${expression} }}` })).code,
      'secret_not_literal',
    );
  }
});

Deno.test('a secret is not reachable through the whole scope', async () => {
  assert.equal(await resolve('{{ $lookup($$, "secrets") }}'), null);
  assert.equal(await resolve('{{ $eval("secrets.key") }}'), null);
});

Deno.test('the error of an invalid template has its place', () => {
  const error = errorOf(() => compileTemplate({ headers: { list: ['ok', 'x {{ 1 + }}'] } }));
  assert.equal(error.code, 'expression_syntax');
  assert.equal(error.details.path, 'headers.list[1]');
  assert.equal(error.details.expression, '1 +');
  assert.equal(typeof error.details.position, 'number');
  assert.equal(errorOf(() => compileTemplate('a {{ b')).code, 'expression_syntax');
});

Deno.test('the error of a failing expression has its place', async () => {
  await assert.rejects(
    compileTemplate({ body: { n: '{{ "a" * 2 }}' } }).resolve(scope),
    (error: unknown) =>
      error instanceof ExpressionError &&
      error.code === 'expression_failed' &&
      error.details.path === 'body.n',
  );
});

Deno.test('raw keys are analysed but not resolved', async () => {
  const template = compileTemplate(
    { expression: 'steps.a.output & "{{ input.id }}"', label: '{{ input.id }}' },
    { rawKeys: { expression: 'jsonata' } },
  );
  assert.deepEqual(template.reads, ['a']);
  assert.deepEqual((await template.resolve(scope)).stored, {
    expression: 'steps.a.output & "{{ input.id }}"',
    label: 42,
  });
});

Deno.test('a __proto__ key stays data', async () => {
  const config: unknown = JSON.parse('{"__proto__": {"polluted": "{{ input.id }}"}}');
  const stored = await resolve(config);
  assert.equal(JSON.stringify(stored), '{"__proto__":{"polluted":42}}');
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});
