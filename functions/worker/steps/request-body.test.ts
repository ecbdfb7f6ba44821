// Bodies of requests: each has the form that its content type states, or is refused.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { encodeBody } from './request-body.ts';
import { StepError } from './types.ts';

const encoded = (body: unknown, type?: string) => {
  const headers = new Headers(type === undefined ? {} : { 'content-type': type });
  return { body: encodeBody(body, 'POST', headers), headers };
};

const refusal = (body: unknown, type: string): string => {
  try {
    encoded(body, type);
  } catch (error) {
    if (error instanceof StepError) return error.code;
  }
  return 'accepted';
};

const formType = 'application/x-www-form-urlencoded';
const form = (body: unknown, type = formType) =>
  decodeURIComponent(String(encoded(body, type).body).replaceAll('+', ' '));

Deno.test('nested values of a form are written in brackets, as qs writes them', () => {
  assert.equal(
    form({
      items: [{ price: 'p1', quantity: 2 }, { price: 'p2' }],
      metadata: { order: { id: 'o' } },
    }),
    'items[0][price]=p1&items[0][quantity]=2&items[1][price]=p2&metadata[order][id]=o',
  );
  assert.equal(
    form({ tags: ['a', true, 0], 'odd key': 'x & y' }),
    'tags[0]=a&tags[1]=true&tags[2]=0&odd key=x & y',
  );
  assert.equal(form({ a: 1 }, `${formType.toUpperCase()}; charset=UTF-8`), 'a=1');
  assert.equal(form('a=1&a=2'), 'a=1&a=2');
});

Deno.test('null, empty lists and empty objects are left out of a form', () => {
  assert.equal(form({ a: null, b: [], c: {}, d: '', e: [null, 'x'], f: { g: null } }), 'd=&e[1]=x');
});

Deno.test('no value of a form is lost or becomes [object Object]', () => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie('value'), { maxKeys: 4 }),
    value: fc.oneof({ maxDepth: 4 }, leaf, tie('tree'), fc.array(tie('value'), { maxLength: 3 })),
  }));
  const leaves = (value: unknown): string[] =>
    typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(leaves)
      : [String(value).toWellFormed()];
  fc.assert(
    fc.property(tree, (value) => {
      const sent = new URLSearchParams(String(encoded(value, formType).body));
      assert.deepEqual([...sent.values()], leaves(value));
    }),
  );
});

Deno.test('a multipart form has fields and files', async () => {
  const { body, headers } = encoded(
    {
      title: 'Grüße "1"',
      tag: ['a', 2],
      none: null,
      text: { filename: 'a "b".txt', content: 'x\r\n' },
      image: {
        filename: 'i.bin',
        content: { encoding: 'base64', data: '/wAA' },
        content_type: 'image/x',
      },
    },
    'multipart/form-data',
  );
  const received = await new Response(body as BodyInit, { headers }).formData();
  assert.deepEqual(received.getAll('tag'), ['a', '2']);
  assert.equal(received.get('title'), 'Grüße "1"');
  assert.equal(received.has('none'), false);
  const text = received.get('text') as File;
  assert.equal(await text.text(), 'x\r\n');
  const image = received.get('image') as File;
  assert.deepEqual([image.name, image.type], ['i.bin', 'image/x']);
  assert.deepEqual(new Uint8Array(await image.arrayBuffer()), Uint8Array.of(255, 0, 0));
});

Deno.test('a multipart form keeps the boundary that is given', () => {
  const { body, headers } = encoded({ a: 1 }, 'multipart/form-data; boundary="b 1"');
  assert.equal(headers.get('content-type'), 'multipart/form-data; boundary="b 1"');
  assert.match(Buffer.from(body as Uint8Array).toString(), /^--b 1\r\n/);
});

Deno.test('a base64 body is sent as its bytes', () => {
  const { body } = encoded({ encoding: 'base64', data: 'AP8=' }, 'application/pdf');
  assert.deepEqual(body, Uint8Array.of(0, 255));
  assert.equal(
    encoded({ encoding: 'base64', data: 'AP8=' }).body,
    '{"encoding":"base64","data":"AP8="}',
  );
});

Deno.test('JSON types get JSON, also with a suffix and parameters; a string there is JSON text', () => {
  for (const type of [
    'application/json',
    'application/ld+json; charset=utf-8',
    'Application/JSON',
  ]) {
    assert.equal(encoded({ a: [1] }, type).body, '{"a":[1]}');
    assert.equal(encoded('[1]', type).body, '[1]');
    assert.equal(refusal('Ann', type), 'http_body_unsupported');
  }
  assert.equal(encoded(7).body, '7');
  assert.equal(encoded('a').headers.get('content-type'), 'text/plain; charset=utf-8');
});

Deno.test('a body that has no form of its content type is refused', () => {
  for (const [body, type] of [
    [{ a: 1 }, 'text/xml'],
    [{ a: 1 }, 'text/plain'],
    [[1], 'application/octet-stream'],
    [[1], formType],
    [7, formType],
    [{ a: { b: 1 } }, 'multipart/form-data'],
    [{ a: { filename: 'x', content: 1 } }, 'multipart/form-data'],
    [{ a: { filename: 'x', content: 'y', mime: 'z' } }, 'multipart/form-data'],
    ['text', 'multipart/form-data'],
    [{ encoding: 'base64', data: '%' }, 'image/png'],
    ['é', 'text/plain; charset=iso-8859-1'],
    [{ a: 1 }, 'application/json; charset=utf-16'],
  ] as const) {
    assert.equal(
      refusal(body, type),
      'http_body_unsupported',
      `${JSON.stringify(body)} as ${type}`,
    );
  }
  assert.equal(encoded(7, 'text/plain').body, '7');
});
