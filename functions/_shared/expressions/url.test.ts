// URLs with templates: data stays data, wherever in the URL it stands.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ExpressionError } from './errors.ts';
import { resolveSecrets } from './secrets.ts';
import { compileTemplate } from './template.ts';

const secrets: Record<string, string> = {
  key: 'a&b=c#d',
  base: 'https://secret.example/v1',
  dots: '..',
};

const compiled = (url: string) => compileTemplate({ url }, { urlKeys: ['url'] });

const resolved = async (url: string, input: unknown): Promise<string> => {
  const template = await compiled(url).resolve({ input, steps: {}, context: {}, run: null });
  const { config } = await resolveSecrets(template, (name) => ({ value: secrets[name] ?? '' }));
  return (config as { url: string }).url;
};

const refused = async (url: string, input: unknown): Promise<void> => {
  await assert.rejects(resolved(url, input), (error: unknown) => {
    assert.ok(error instanceof ExpressionError);
    assert.equal(error.code, 'url_value_refused');
    assert.equal(error.details.path, 'url');
    return true;
  });
};

const host = 'https://shop.example';

Deno.test('a value is encoded for its place', async () => {
  const id = '../admin/keys?all=1#';
  const safe = '..%2Fadmin%2Fkeys%3Fall%3D1%23';
  for (const [text, wanted] of [
    ['/orders/{{ input.id }}', `/orders/${safe}`],
    ['/orders/{{ input.id }}/lines', `/orders/${safe}/lines`],
    ['/a-{{ input.id }}.json', `/a-${safe}.json`],
    ['/?{{ input.id }}=1', `/?${safe}=1`],
    ['?q={{ input.id }}&b=2', `?q=${safe}&b=2`],
    ['/x#{{ input.id }}', `/x#${safe}`],
  ] as const) {
    assert.equal(await resolved(host + text, { id }), host + wanted);
  }
  assert.equal(
    await resolved(`${host}/{{ input.a }}/{{ input.b }}/{{ input.c }}`, {
      a: 'ä b',
      b: '%2e',
      c: 7,
    }),
    `${host}/%C3%A4%20b/%252e/7`,
  );
  assert.equal(await resolved(`${host}/?k={{ secrets.key }}`, {}), `${host}/?k=a%26b%3Dc%23d`);
});

Deno.test('a segment never becomes . or .., with any content', async () => {
  for (const [text, input] of [
    ['/o/{{ input.a }}', { a: '..' }],
    ['/o/{{ input.a }}/x', { a: '.' }],
    ['/o/{{ input.a }}{{ input.b }}', { a: '.', b: '.' }],
    ['/o/.{{ input.a }}', { a: '.' }],
    ['/o/%2e{{ input.a }}/x', { a: '.' }],
    ['/o/{{ input.a }}%2E', { a: '.' }],
    ['/o/%2{{ input.a }}', { a: 'e' }],
    ['/o/%{{ input.a }}', { a: '2e' }],
    ['\\o\\{{ input.a }}', { a: '..' }],
    ['/o/\n{{ input.a }}?x', { a: '..' }],
    ['/o/{{ secrets.dots }}', {}],
  ] as const) {
    await refused(host + text, input);
  }
  for (const [text, input] of [
    ['/o/{{ input.a }}', { a: '...' }],
    ['/o/{{ input.a }}', { a: '.well-known' }],
    ['/o/../{{ input.a }}', { a: 'x' }],
    ['/o/v1.{{ input.a }}', { a: '.' }],
    ['/o?dir={{ input.a }}', { a: '..' }],
  ] as const) {
    await resolved(host + text, input);
  }
});

Deno.test('only hosts and ports may stand in the host', async () => {
  for (const name of ['eu', 'eu.west-1', 'münchen', '127.0.0.1', 'a_b']) {
    assert.equal(
      await resolved('https://{{ input.h }}.shop.example/', { h: name }),
      `https://${name}.shop.example/`,
    );
  }
  assert.equal(await resolved('http://{{ input.h }}/', { h: '[::1]:80' }), 'http://[::1]:80/');
  assert.equal(await resolved('http://a:{{ input.p }}/', { p: 8080 }), 'http://a:8080/');
  assert.equal(await resolved('http{{ input.s }}://a/', { s: 's' }), 'https://a/');
  for (const value of [
    'evil.example/',
    'evil.example?',
    'a#',
    'x@evil.example',
    'a\\b',
    'a b',
    '%61',
    'a／b',
    'a:b',
  ]) {
    await refused('https://{{ input.h }}.shop.example/', { h: value });
    await refused('https://shop.example{{ input.h }}/', { h: value });
    await refused('https://shop.example{{ input.h }}', { h: value });
  }
  await refused('{{ input.base }}{{ input.path }}', { base: host, path: '/x' });
  await refused('{{ input.missing }}{{ input.url }}', { url: 'https://evil.example/' });
});

Deno.test('user information is encoded', async () => {
  assert.equal(
    await resolved('https://{{ input.u }}:{{ input.p }}@a.example/', { u: 'a@b', p: '/:' }),
    'https://a%40b:%2F%3A@a.example/',
  );
});

Deno.test('a base URL, a whole template and $raw are taken as written', async () => {
  const url = 'https://a.example/x/?q=1';
  assert.equal(await resolved('{{ input.url }}', { url }), url);
  assert.equal(await resolved('  {{ input.url }}  ', { url }), url);
  assert.equal(
    await resolved('{{ input.base }}/orders/{{ input.id }}', { base: `${host}/v1`, id: 'a/b' }),
    `${host}/v1/orders/a%2Fb`,
  );
  assert.equal(
    await resolved('{{ secrets.base }}/{{ input.id }}', { id: '?' }),
    'https://secret.example/v1/%3F',
  );
  assert.equal(
    await resolved(`${host}/{{ $raw(input.path) }}&id={{ input.id }}`, {
      path: 'a/b?c=1',
      id: '&',
    }),
    `${host}/a/b?c=1&id=%26`,
  );
  // Only a whole expression is raw.
  assert.equal(
    await resolved(`${host}/{{ 'x' & $raw(input.path) }}`, { path: '/y' }),
    `${host}/x%2Fy`,
  );
});

Deno.test('what is stored has the same form, and secrets as their templates', async () => {
  const template = compiled(`${host}/{{ input.id }}?k={{ secrets.key }}`);
  const { stored } = await template.resolve({
    input: { id: 'a/b' },
    steps: {},
    context: {},
    run: null,
  });
  assert.deepEqual(stored, { url: `${host}/a%2Fb?k={{ secrets.key }}` });
});

Deno.test('no value changes the other parts of a URL', async () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[./\\?#&=%@: \t\n2eE]{0,8}$/),
    fc.constantFrom('..', '%2e%2e', '../', '//evil.example', '\\..\\', '?a', '#b', '&name=x'),
  );
  await fc.assert(
    fc.asyncProperty(part, part, part, part, async (a, b, name, value) => {
      const template = `${host}:81/v1/{{ input.a }}/fix/x{{ input.b }}?n{{ input.name }}=1&v={{ input.value }}#f`;
      const url = new URL(
        await resolved(template, { a, b, name, value }).catch(() => `${host}:81/refused`),
      );
      assert.equal(url.origin, `${host}:81`);
      if (url.pathname === '/refused') {
        assert.match(a, /^\.{1,2}$/);
        return;
      }
      const clean = (text: string) => text.toWellFormed().replaceAll('\0', '\uFFFD');
      const segments = url.pathname.split('/').map(decodeURIComponent);
      assert.deepEqual(segments, ['', 'v1', clean(a), 'fix', `x${clean(b)}`]);
      assert.deepEqual(
        [...url.searchParams],
        [
          [`n${clean(name)}`, '1'],
          ['v', clean(value)],
        ],
      );
      assert.equal(url.hash, '#f');
    }),
  );
});
