// Every rule of scripts/sql-lint.ts is broken once, and `--fix` does not change data or meaning.
import { describe, expect, it } from 'vitest';
import { formatted } from '../../scripts/sql-lint/format.ts';
import { unfilteredWrites } from '../../scripts/sql-lint/unfiltered-writes.ts';
import { lintSources } from '../../scripts/sql-lint.ts';

const GOOD = `-- Orders and who may see them.
create table public.orders (id uuid primary key, owner uuid not null);
comment on table public.orders is 'An order.';
create index idx_orders_owner on public.orders (owner);
create policy "Orders are visible to their owner" on public.orders
  for select to authenticated using (owner = (select auth.uid()));

create function stepbase_private.total(p_order_id uuid) returns int
language plpgsql stable security definer set search_path = '' as $$
declare
  v_total int;
begin
  select count(*) into v_total from public.orders o where o.id = p_order_id;
  return v_total + 1;
end;
$$;
comment on function stepbase_private.total(uuid) is 'How much an order costs.';
grant execute on function stepbase_private.total(uuid) to authenticated;

create function stepbase.double_total(order_id uuid) returns int
language sql stable set search_path = '' as $$
  select 2 * stepbase_private.total(double_total.order_id);
$$;
comment on function stepbase.double_total(uuid) is
  'Twice the price of an order.';
`;

function rules(text: string, file = 'supabase/migrations/20260101000000_x.sql'): string[] {
  return lintSources([{ file, text }]).map((problem) => `${problem.line} ${problem.rule}`);
}

describe('sql-lint', () => {
  it('accepts a migration that follows the rules', () => {
    expect(rules(GOOD)).toEqual([]);
  });

  it.each([
    ['a syntax error', GOOD.replace('create index', 'create indx'), ['4 parse']],
    ['a syntax error in PL/pgSQL', GOOD.replace('return v_total', 'retrun v_total'), ['9 parse']],
    ['a syntax error in an expression', GOOD.replace('v_total + 1', 'v_total + +'), ['9 parse']],
    ['a bad statement in a body', GOOD.replace('where o.id', 'were o.id'), ['9 parse']],
    ['an uppercase keyword', GOOD.replace('create index', 'CREATE index'), ['4 lowercase']],
    [
      'an uppercase keyword in a body',
      GOOD.replace('select count', 'SELECT count'),
      ['13 lowercase'],
    ],
    ['a space at the end', GOOD.replace('begin\n', 'begin \n'), ['12 whitespace']],
    [
      'a long line',
      GOOD.replace('v_total int;', `v_total int; --${'-'.repeat(120)}`),
      ['11 line-length'],
    ],
    ['no search_path', GOOD.replace(" set search_path = ''", ''), ['8 search-path']],
    ['no comment on a table', GOOD.replace(/comment on table.*\n/, ''), ['2 comment']],
    ['no comment on a function', GOOD.replace(/comment on function.*\n/, ''), ['8 comment']],
    ['a bare parameter', GOOD.replaceAll('p_order_id', 'order_id'), ['8 dialect-params']],
    [
      'a prefix in the public interface',
      GOOD.replace('double_total(order_id uuid)', 'double_total(p_order_id uuid)').replace(
        'double_total.order_id',
        'p_order_id',
      ),
      ['20 dialect-params'],
    ],
    ['a bare variable', GOOD.replaceAll('v_total', 'total'), ['11 dialect-locals']],
    [
      'a variable named as a constant',
      GOOD.replaceAll('v_total', 'c_total'),
      ['11 dialect-locals'],
    ],
    [
      'a body that ends without a semicolon',
      GOOD.replace('end;\n$$', () => 'end\n$$'),
      ['15 dialect-end'],
    ],
    [
      'a query that ends without a semicolon',
      GOOD.replace('order_id);\n$$', () => 'order_id)\n$$'),
      ['22 dialect-end'],
    ],
    ['integer in a body', GOOD.replace('v_total int', 'v_total integer'), ['11 dialect-int']],
    ['integer in a header', GOOD.replace(') returns int', ') returns integer'), ['8 dialect-int']],
    [
      'a comment that does not follow its function',
      GOOD.replace(
        /(create function stepbase_private[\s\S]*?\$\$;\n)(comment.*\n)(grant.*\n)/,
        '$1$3$2',
      ),
      ['18 comment-place'],
    ],
    [
      'the text of a comment without indentation',
      GOOD.replace("\n  'Twice", "\n'Twice"),
      ['25 comment-indent'],
    ],
    [
      'a revoke that another migration contains for all functions',
      `${GOOD}revoke execute on function stepbase.double_total(uuid) from public;\n`,
      ['26 redundant-revoke'],
    ],
    [
      'a grant on a schema',
      `${GOOD}grant usage on schema stepbase to authenticated;\n`,
      ['26 redundant-grant'],
    ],
    [
      'a grant that is repeated',
      `${GOOD}grant execute on function stepbase_private.total(uuid) to service_role, authenticated;\n`,
      ['26 redundant-grant'],
    ],
    [
      'an exposed definer',
      GOOD.replaceAll('stepbase_private.total', 'stepbase.total').replaceAll('p_order', 'order'),
      ['8 definer'],
    ],
    [
      'a name without schema',
      GOOD.replace('on public.orders (owner)', 'on orders (owner)'),
      ['4 qualified'],
    ],
    ['a bare claim', GOOD.replace('(select auth.uid())', 'auth.uid()'), ['5 policy-initplan']],
    [
      'a bare helper',
      GOOD.replace('(select auth.uid())', 'stepbase_private.user_id()'),
      ['5 policy-initplan'],
    ],
    ['a policy for everyone', GOOD.replace(' to authenticated', ''), ['5 policy-role']],
    ['a policy for all', GOOD.replace('for select', 'for all'), ['5 policy-command']],
    ['an index by another name', GOOD.replace('idx_orders_owner', 'owner_i'), ['4 index-name']],
    [
      'a write without a condition in a body',
      GOOD.replace('  return v_total', '  delete from public.orders;\n  return v_total'),
      ['14 unfiltered-write'],
    ],
    ['no header', GOOD.replace(/^--.*\n/, ''), ['1 header']],
  ])('finds %s', (_name, text, expected) => {
    expect(rules(text)).toEqual(expected);
  });

  it('allows another dialect in auth hooks and in files that are not migrations', () => {
    const hook = GOOD.replaceAll('p_order_id', 'event').replace('event uuid', 'event jsonb');
    expect(rules(hook)).toEqual([]);
    const bare = GOOD.replaceAll('p_order_id', 'order_id');
    expect(rules(bare, 'supabase/tests/a.test.sql')).toEqual([]);
    expect(rules(bare)).toEqual([expect.stringMatching(/dialect-params$/)]);
  });

  it('only parses generated files, and applies the migration rules to migrations only', () => {
    const generated = '-- Generated by a script; do not edit.\nCREATE TABLE things (id int);\n';
    expect(rules(generated)).toEqual([]);
    expect(rules('select count(*) from orders;\n', 'supabase/tests/a.test.sql')).toEqual([]);
  });

  it('fixes case and spaces, in bodies too, and does not change strings and data', () => {
    const text =
      "SELECT 'It  IS ', \"Mixed\", $json$ {A:  1} \n\n\n $json$;  \n\n\n\nDO $$ BEGIN\tPERFORM 'X  \n'; END $$;";
    expect(formatted(text)).toBe(
      "select 'It  IS ', \"Mixed\", $json$ {A:  1} \n\n\n $json$;\n\ndo $$ begin  perform 'X  \n'; end $$;\n",
    );
  });
});

describe('writes without a condition', () => {
  it.each([
    'update public.t set a = 1;',
    'update public.t as t set a = u.a from public.u u;',
    'DELETE FROM public.t;',
    'delete from public.t returning a',
    'delete from public.t using public.u',
    'with gone as (delete from public.t returning a) select a from gone where a > 1;',
    'select a from public.u where a in (select 1); update "T" set a = (select 2 where true);',
    "execute 'delete from public.t';",
    "execute format('update public.%I set a = 1', v_table);",
    'if v_old then update public.t set a = 1; end if;',
  ])('finds %s', (text) => {
    expect(unfilteredWrites(text)).toHaveLength(1);
  });

  it.each([
    'update public.t set a = 1 where b;',
    'update public.t set a = (select 2) from public.u u where u.a = t.a;',
    'delete from public.t where true;',
    'with gone as (delete from public.t where a > 1 returning a) select a from gone;',
    'delete from public.t where current of v_cursor;',
    'insert into public.t values (1) on conflict (a) do update set a = 2;',
    'merge into public.t using public.u on t.a = u.a when matched then update set a = 2;',
    'merge into public.t using public.u on t.a = u.a when matched then delete;',
    'select a from public.t for update; select a from public.t for no key update skip locked;',
    "if tg_op = 'DELETE' or tg_op = 'UPDATE' then return old; end if;",
    '-- delete from public.t;',
    "raise exception 'update the row first';",
  ])('accepts %s', (text) => {
    expect(unfilteredWrites(text)).toEqual([]);
  });
});
