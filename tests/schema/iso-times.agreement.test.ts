// Times in arguments of RPCs are dates of ISO 8601: SQL reads the same texts as TypeScript, as the same times, in every
// time zone of the session. Words such as "tomorrow" are refused.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseIsoDate } from '../../functions/_shared/text/iso-date.ts';
import { pool, signedIn } from '../support/stack.ts';

const db = pool();

/** The times in milliseconds; null for a text that is refused. */
async function read(texts: string[], zone: string): Promise<(number | null)[]> {
  const client = await db.connect();
  try {
    await client.query('begin');
    await client.query(`select set_config('timezone', $1, true)`, [zone]);
    await client.query(
      `create function pg_temp.read(p_text text) returns float8 language plpgsql as $$
       begin
         return floor(extract(epoch from stepbase_private.iso_time(p_text, 'x')) * 1000);
       exception when sqlstate 'SB400' then return null;
       end $$`,
    );
    const { rows } = await client.query<{ ms: number | null }>(
      `select pg_temp.read(t.text) as ms from unnest($1::text[]) with ordinality t (text, place) order by place`,
      [texts],
    );
    return rows.map(({ ms }) => ms);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
const year = fc.oneof(fc.integer({ min: 0, max: 9999 }), fc.constantFrom(1, 9999, 2027, 2028));
const date = fc
  .tuple(year, two(13), two(32))
  .map(([y, m, d]) => `${String(y).padStart(4, '0')}-${m}-${d}`);
const seconds = fc.oneof(
  fc.constant(''),
  fc
    .tuple(two(61), fc.constantFrom('', '.', ','), fc.stringMatching(/^\d{1,9}$/))
    .map(([s, point, digits]) => `:${s}${point}${point && digits}`),
);
const offset = fc.oneof(
  fc.constantFrom('', 'Z', 'z', ' BST', '-', '+1'),
  fc
    .tuple(
      fc.constantFrom('+', '-'),
      two(17),
      fc.constantFrom('', ':'),
      fc.oneof(two(61), fc.constant('')),
    )
    .map((parts) => parts.join('')),
);
const time = fc
  .tuple(fc.constantFrom('T', 't', ' '), two(25), two(61), seconds, offset)
  .map(([mark, h, m, s, o]) => `${mark}${h}:${m}${s}${o}`);
const text = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(date, fc.oneof(fc.constant(''), time)).map((p) => p.join('')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      'now',
      'tomorrow',
      'infinity',
      '-infinity',
      'epoch',
      'today',
      '2027',
    ),
  },
  { weight: 1, arbitrary: fc.string().filter((s) => !s.includes('\0')) },
);

test('SQL and TypeScript read the same texts as the same times', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 100, maxLength: 100 }),
      fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York'),
      async (texts, zone) => {
        const found = await read(texts, zone);
        const differing = texts.flatMap((one, index) => {
          const expected = parseIsoDate(one)?.getTime() ?? null;
          return found[index] === expected ? [] : [{ one, found: found[index], expected }];
        });
        expect(differing).toEqual([]);
      },
    ),
    // A failure lists its texts; each attempt to shrink them would read a hundred.
    { numRuns: 10, endOnFailure: true },
  );
});

describe('an argument that is a time', () => {
  const refused = ['tomorrow', 'now', 'infinity', '2027-02-30', '01/02/2027', '2027-06-01T24:00Z'];

  test.each(refused)('%j is refused by every RPC with its name', async (value) => {
    const admin = await signedIn('admin@acme');
    const answers = {
      expires_at: await admin.rpc('create_api_key', { name: randomUUID(), expires_at: value }),
      failed_after: await admin.rpc('redrive', { failed_after: value }),
      'filter.created_from': await admin.rpc('search_runs', { filter: { created_from: value } }),
      start_at: await admin.rpc('start_run', { workflow: 'order-confirmation', start_at: value }),
    };
    for (const [name, { error, status }] of Object.entries(answers)) {
      expect({ status, code: error?.code, message: error?.message }).toEqual({
        status: 400,
        code: 'SB400',
        message: expect.stringMatching(`^${name} must be a date of ISO 8601`),
      });
    }
  });

  test('no RPC has a parameter of type timestamptz, timestamp or date', async () => {
    const { rows } = await db.query(
      `select p.oid::regprocedure::text as rpc
       from pg_catalog.pg_proc p
       where p.pronamespace = 'stepbase'::regnamespace
         and p.proargtypes::oid[] && array['timestamptz', 'timestamp', 'date']::regtype[]::oid[]`,
    );
    expect(rows).toEqual([]);
  });

  test('a date of ISO 8601 is accepted', async () => {
    const admin = await signedIn('admin@acme');
    const { data, error } = await admin.rpc('create_api_key', {
      name: randomUUID(),
      expires_at: '2999-06-01T08:30+05:30',
    });
    expect(error).toBeNull();
    expect(data).toMatchObject({ expires_at: '2999-06-01T03:00:00+00:00' });
  });
});
