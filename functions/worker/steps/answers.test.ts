// The answer of an HTTP call: which status counts, bodies that HTTP does not have, headers, charsets, and Retry-After.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { AnswerHeaders, base64Of, parseBody, retryAfterMs } from './answers.ts';
import { failureOf, outputOf, testContext } from './testing.ts';

interface Output {
  status: number;
  headers: Record<string, string | string[]>;
  body: unknown;
}

async function withServer(answer: RequestListener, use: (url: string) => Promise<void>) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const get = async (config: Record<string, unknown>) =>
  (await outputOf('http_request', config)) as Output;

Deno.test('a number that a double cannot hold keeps its digits', async () => {
  const body =
    '{"id":-4611686018427387905,"list":[1e309,0.12345678901234567891,2.50],"n":9007199254740992}';
  await withServer(
    (_, response) => {
      response.setHeader('content-type', 'application/problem+json');
      response.end(body);
    },
    async (url) => {
      assert.deepEqual((await get({ url })).body, {
        id: '-4611686018427387905',
        list: ['1e309', '0.12345678901234567891', 2.5],
        n: 9007199254740992,
      });
    },
  );
  await withServer(
    (_, response) => {
      response.statusCode = 409;
      response.setHeader('content-type', 'application/json');
      response.end(body);
    },
    async (url) => {
      const { details } = await failureOf('http_request', { url });
      assert.equal((details as { body: { id: unknown } }).body.id, '-4611686018427387905');
    },
  );
});

Deno.test('headers are sorted, repeated ones joined, and cookies a list', () => {
  const headers = new AnswerHeaders([
    ['X-Two', 'b'],
    ['Set-Cookie', 'one=1'],
    ['x-two', 'c'],
    ['__proto__', 'd'],
    ['set-cookie', 'two=2'],
  ]);
  assert.equal(headers.get('x-two'), 'b, c');
  assert.equal(headers.get('constructor'), null);
  assert.equal(
    JSON.stringify(headers),
    '{"__proto__":"d","x-two":"b, c","set-cookie":["one=1","two=2"]}',
  );
  headers.delete('x-two');
  assert.equal(headers.get('x-two'), null);
});

Deno.test('text that is not UTF-8 does not change how the next text is read', () => {
  const read = (bytes: number[]) => parseBody(new Uint8Array(bytes), null, { status: 200 });
  assert.deepEqual(read([0xc3]), { encoding: 'base64', data: 'ww==' });
  assert.equal(read([0xc3, 0xa9]), 'é');
});

const defects: Record<string, RequestListener> = {
  'no JSON': (_, response) => response.end('<html>busy</html>'),
  'a declared length beyond the limit': (_, response) => {
    response.setHeader('content-length', 90_000_000);
    response.write('{');
  },
  'more than the limit': (_, response) => response.end(`{"a":"${'ä'.repeat(3_000_000)}"}`),
  'a broken gzip': (_, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end('not gzip');
  },
  'a broken connection': (_, response) => {
    response.setHeader('content-length', 1_000);
    response.write('{"a":', () => response.destroy());
  },
  'bytes that are no UTF-8': (_, response) => response.end(Buffer.from([0x7b, 0xff, 0xfe, 0xe9])),
};

for (const [name, answer] of Object.entries(defects)) {
  Deno.test(`a status counts more than its body: ${name}`, async () => {
    for (const [status, code, retryable] of [
      [503, 'http_server_error', true],
      [429, 'http_rate_limited', true],
      [403, 'http_client_error', false],
    ] as const) {
      const listener: RequestListener = (request, response) => {
        response.statusCode = status;
        response.setHeader('content-type', 'application/json');
        response.setHeader('retry-after', '7');
        answer(request, response);
      };
      await withServer(listener, async (url) => {
        const error = await failureOf('http_request', { url });
        assert.deepEqual([error.code, error.retryable], [code, retryable]);
        assert.equal((error.details as { status: number }).status, status);
        assert.equal(error.retryAfterMs, 7_000);
      });
    }
  });
}

Deno.test('the body of an error that does not end delays the error only a little', async () => {
  const listener: RequestListener = (_, response) => {
    response.writeHead(400, { 'content-type': 'text/plain' });
    response.write('wrong');
  };
  await withServer(listener, async (url) => {
    const error = await failureOf('http_request', { url });
    assert.deepEqual(error.details, { status: 400, body: 'wrong' });
  });
});

Deno.test('an accepted status keeps a body that is not what its type says', async () => {
  const listener: RequestListener = (_, response) => {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('<html>none</html>');
  };
  await withServer(listener, async (url) => {
    assert.equal((await get({ url, accept_status: [404] })).body, '<html>none</html>');
  });
});

Deno.test('there is no body where HTTP has none, even if the headers declare one', async () => {
  for (const [method, status] of [
    ['HEAD', 200],
    ['HEAD', 206],
    ['GET', 204],
    ['DELETE', 204],
    ['GET', 304],
    ['POST', 205],
  ] as const) {
    const listener: RequestListener = (_, response) => {
      const length = status === 205 ? '0' : '50000000';
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(status === 204 ? {} : { 'content-length': length }),
        ...(status === 206 ? { 'content-encoding': 'gzip' } : {}),
      });
      response.end();
    };
    await withServer(listener, async (url) => {
      const output = await get({ url, method });
      assert.deepEqual([output.status, output.body], [status, null]);
      // fetch drops the length of an encoded answer.
      if (method === 'HEAD' && status === 200) {
        assert.equal(output.headers['content-length'], '50000000');
      }
    });
  }
});

Deno.test('repeated headers are kept: cookies as a list, others joined', async () => {
  const cookies = ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2', 'a=3'];
  const listener: RequestListener = (_, response) => {
    response.writeHead(200, { 'set-cookie': cookies, link: ['<a>; rel=x', '<b>; rel=y'] });
    response.end();
  };
  await withServer(listener, async (url) => {
    const { headers } = await get({ url });
    assert.deepEqual(headers['set-cookie'], cookies);
    assert.equal(headers.link, '<a>; rel=x, <b>; rel=y');
  });
});

const parsed = (bytes: Uint8Array | number[], type: string) =>
  parseBody(Uint8Array.from(bytes), type, { status: 200 });
const latin1 = (text: string) => Buffer.from(text, 'latin1');

Deno.test('a body is decoded in its charset, JSON too', () => {
  assert.deepEqual(parsed(latin1('{"a":"\xa4\xe9"}'), 'application/json;charset=ISO-8859-15'), {
    a: '€é',
  });
  assert.deepEqual(parsed(latin1('["\x80"]'), 'application/vnd.x+json; Charset="windows-1252"'), [
    '€',
  ]);
  assert.equal(parsed([0x82, 0xa0], 'text/plain; charset=shift_jis'), 'あ');
  assert.equal(parsed([0xcf, 0xf0], 'text/csv; header=present; charset=koi8-r'), 'оП');
  const utf16 = Buffer.from('\uFEFF{"a":"日本"}', 'utf16le');
  assert.deepEqual(parsed(utf16, 'application/json'), { a: '日本' });
  assert.deepEqual(parsed(utf16.swap16(), 'application/json; charset=utf-8'), { a: '日本' });
  assert.equal(
    parsed(latin1('<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>'), 'text/xml'),
    '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>',
  );
  assert.deepEqual(parsed(latin1('{"a":1}'), 'application/json; charset=unheard-of'), { a: 1 });
});

Deno.test('bytes that are no text in their charset become base64', () => {
  const types = ['', 'text/plain', 'text/plain; charset=utf-8', 'application/pdf', 'text/html'];
  for (const type of types) {
    assert.deepEqual(parsed([0x48, 0xe9, 0x21], type), { encoding: 'base64', data: 'SOkh' });
    assert.deepEqual(parsed([0x48, 0x00], type), { encoding: 'base64', data: 'SAA=' });
  }
  assert.deepEqual(parsed([0x48], 'text/plain; charset=unheard-of'), base64Of(Uint8Array.of(0x48)));
  assert.throws(() => parsed([0x22, 0xe9, 0x22], 'application/json'), /not JSON/);
});

Deno.test('no byte of a text is lost: it is its UTF-8, or base64 of all bytes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.constantFrom('', 'text/plain', 'application/octet-stream', 'image/png'),
      (bytes, type) => {
        const body = parsed(bytes, type);
        const back =
          typeof body === 'string'
            ? Buffer.from(body, 'utf8')
            : Buffer.from((body as { data: string }).data, 'base64');
        // A byte order mark is no part of the text.
        const isMarked = [0xef, 0xfe, 0xff].includes(bytes[0] ?? 0);
        assert.ok(isMarked || Buffer.compare(back, Buffer.from(bytes)) === 0);
      },
    ),
  );
});

const now = new Date('2026-03-01T12:00:00Z');

Deno.test('Retry-After is a number of seconds or an IMF-fixdate; anything else is ignored', () => {
  const cases: Record<string, number | undefined> = {
    '2.5': 3_000,
    '0.01': 1_000,
    '0': 0,
    ' 12 ': 12_000,
    '99999999999': 3_600_000,
    'Sun, 01 Mar 2026 12:00:09 GMT': 9_000,
    'Sun, 01 Mar 2026 11:00:00 GMT': 0,
    'Mon, 01 Mar 2026 12:00:09 GMT': undefined,
    'Sun, 01 Mar 2026 12:00:09 +0100': undefined,
    'Tue, 31 Feb 2026 12:00:09 GMT': undefined,
    'Sunday, 01-Mar-26 12:00:09 GMT': undefined,
    '2026-03-01T12:00:09Z': undefined,
    '-5': undefined,
    '1e3': undefined,
    '5, 10': undefined,
    '5s': undefined,
    '2.': undefined,
    '': undefined,
    soon: undefined,
  };
  for (const [value, ms] of Object.entries(cases))
    assert.equal(retryAfterMs(value, now), ms, value);
  assert.equal(retryAfterMs(null, now), undefined);
});

Deno.test('a wait is never shorter than Retry-After says, up to an hour', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 3_600, noNaN: true }), (seconds) => {
      const text = seconds.toFixed(3);
      const ms = retryAfterMs(text, now) ?? -1;
      assert.ok(ms >= Number(text) * 1_000 && ms < Number(text) * 1_000 + 1_000);
    }),
  );
});

Deno.test('a cancelled attempt stays cancelled while the body of an error is read', async () => {
  const controller = new AbortController();
  const listener: RequestListener = (_, response) => {
    response.writeHead(500);
    response.write('x', () => controller.abort());
  };
  await withServer(listener, async (url) => {
    const error = await failureOf(
      'http_request',
      { url },
      testContext({ signal: controller.signal }),
    );
    assert.equal(error.code, 'cancelled');
  });
});
