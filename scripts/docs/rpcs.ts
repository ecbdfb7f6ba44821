// docs/reference/rpcs.md: the functions of the exposed schema, from the catalogue of a migrated
// database. Permission and SQLSTATEs come from the comment on each function.

import type pg from 'pg';
import { REQUEST_ERRORS } from '../../functions/_shared/errors/codes.ts';
import { SQLSTATES } from '../../functions/_shared/errors/index.ts';
import { SCHEMAS } from '../database/schemas.ts';
import { anchor, block, code, firstSentence, generatedFrom, page, table } from './markdown.ts';

interface Argument {
  name: string;
  type: string;
  default: string | null;
}

interface Rpc {
  name: string;
  comment: string;
  result: string;
  returns_set: boolean;
  /** Takes a row of a table of the schema: PostgREST shows it as a computed field. */
  is_computed: boolean;
  arguments: Argument[];
  roles: string[];
}

const RPCS = `
  select
    p.proname as name,
    coalesce(obj_description(p.oid, 'pg_proc'), '') as comment,
    pg_get_function_result(p.oid) as result,
    p.proretset as returns_set,
    p.pronargs = 1 and exists (
      select from pg_class c
      where c.reltype = p.proargtypes[0] and c.relnamespace = p.pronamespace
    ) as is_computed,
    coalesce((
      select json_agg(
        json_build_object(
          'name', coalesce(p.proargnames[a.place], ''),
          'type', format_type(a.type, null),
          'default', pg_get_function_arg_default(p.oid, a.place::int)
        ) order by a.place
      )
      from unnest(p.proargtypes::oid[]) with ordinality as a (type, place)
    ), '[]') as arguments,
    array(
      select r.name
      from unnest(array['anon', 'authenticated', 'service_role', 'supabase_auth_admin'])
        with ordinality as r (name, place)
      where has_function_privilege(r.name, p.oid, 'execute')
      order by r.place
    ) as roles
  from pg_proc p
  where p.pronamespace = $1::regnamespace and p.prokind = 'f'
    and p.prorettype <> 'trigger'::regtype
  order by p.proname, p.oid`;

/** Every SQLSTATE of ours that a comment names, with the words behind it. */
export function statesIn(comment: string): [state: string, reason: string][] {
  return [...comment.matchAll(/(SB\d{3})((?:(?!,?;? ?SB\d{3}).)*)/g)].map(([, state, words]) => [
    state ?? '',
    (words ?? '').trim().replace(/[.,;]$/, ''),
  ]);
}

/** The permission that a comment names: `needs run:execute`. */
export function permissionIn(comment: string): string | undefined {
  return /\bneeds ([a-z]+:[a-z]+)/i.exec(comment)?.[1];
}

/** The comment without its list of errors. */
function description(comment: string): string {
  return comment.replace(/\s*Errors: .*$/s, '').trim();
}

const shortType = (type: string) =>
  type
    .replace('timestamp with time zone', 'timestamptz')
    .replaceAll(new RegExp(`\\b${SCHEMAS.exposed}\\.`, 'g'), '');

function call(rpc: Rpc): string {
  const required = rpc.arguments.filter((argument) => argument.default === null);
  const given = required.map(({ name }) => name).join(', ');
  return block(
    'ts',
    `const { data, error } = await supabase.rpc('${rpc.name}'${given && `, { ${given} }`});`,
  );
}

function section(rpc: Rpc): string {
  const states = statesIn(rpc.comment);
  const permission = permissionIn(rpc.comment);
  const facts = [
    `Returns ${code(shortType(rpc.result.replace(/^SETOF /, '')))}${rpc.returns_set ? ' (several rows)' : ''}.`,
    ...(permission ? [`Permission: ${code(permission)}.`] : []),
  ];
  return page(
    `## ${rpc.name}`,
    description(rpc.comment),
    call(rpc),
    facts.join(' '),
    rpc.arguments.length === 0
      ? ''
      : table(
          ['argument', 'type', 'default'],
          rpc.arguments.map((argument) => [
            code(argument.name),
            shortType(argument.type),
            argument.default === null
              ? 'required'
              : code(argument.default.replace(/::[\w ]+(\[\])?$/, '')),
          ]),
        ),
    states.length === 0
      ? ''
      : table(
          ['SQLSTATE', 'code', 'cause'],
          states.map(([state, reason]) => {
            const name = SQLSTATES[state];
            return [code(state), code(name ?? ''), reason || (name ? REQUEST_ERRORS[name] : '')];
          }),
        ),
  );
}

export async function rpcsPage(client: pg.Client): Promise<string> {
  const { rows } = await client.query<Rpc>(RPCS, [SCHEMAS.exposed]);
  const closed = rows.filter(({ roles }) => !roles.includes('authenticated'));
  const hooks = closed.filter(({ roles }) => roles.includes('supabase_auth_admin'));
  const operators = closed.filter((rpc) => !hooks.includes(rpc));
  const fields = rows.filter((rpc) => rpc.is_computed && !closed.includes(rpc));
  const calls = rows.filter((rpc) => !closed.includes(rpc) && !fields.includes(rpc));
  const rowOf = (rpc: Rpc) => [
    `[${rpc.name}](#${anchor(rpc.name)})`,
    code(permissionIn(rpc.comment) ?? '').replace('``', ''),
    firstSentence(description(rpc.comment)),
  ];
  return page(
    generatedFrom(`the functions of schema \`${SCHEMAS.exposed}\` and their comments`),
    '# RPCs',
    'Clients call these functions with supabase-js. Arguments are passed by name; arguments with a default are optional. Each function checks the application and the permission of its caller, then runs in one transaction. [Errors](errors.md) explains the SQLSTATEs.',
    table(['function', 'permission', 'purpose'], calls.map(rowOf)),
    ...calls.map(section),
    ...(fields.length === 0
      ? []
      : [
          '## Computed fields',
          'PostgREST shows these functions as columns of their table. Name them in `select`, for example `select=*,context`.',
          table(
            ['field', 'table', 'type', 'meaning'],
            fields.map(({ name, arguments: [of], result, comment }) => [
              code(name),
              code(shortType(of?.type ?? '')),
              shortType(result),
              comment,
            ]),
          ),
        ]),
    ...(operators.length === 0
      ? []
      : [
          "## Operators' SQL",
          'Operators execute these functions in SQL. No member of an application can.',
          table(
            ['function', 'executable by', 'purpose'],
            operators.map(({ name, arguments: given, roles, comment }) => [
              code(`${name}(${given.map((argument) => argument.name).join(', ')})`),
              ['postgres', ...roles].map(code).join(', '),
              comment,
            ]),
          ),
        ]),
    ...(hooks.length === 0
      ? []
      : [
          '## Hooks',
          'Supabase Auth calls these functions. No client can execute them.',
          table(
            ['function', 'purpose'],
            hooks.map(({ name, comment }) => [code(`${name}()`), comment]),
          ),
        ]),
  );
}
