// The access-token hook. A project may have one of its own: then a migration calls it, and Stepbase adds its claims to the
// answer.
import { usage } from '../errors.ts';

export const OWN_HOOK = 'pg-functions://postgres/stepbase_private/custom_access_token_hook';
export const COMPOSED_HOOK = 'pg-functions://postgres/stepbase_private/project_access_token_hook';

/** After the migrations of Stepbase, and among the versions that supabase/uninstall.sql removes. */
export const HOOK_MIGRATION = '20261101001999_stepbase_access_token_hook.sql';

export interface SqlFunction {
  schema: string;
  name: string;
}

/** The function that a hook of config.toml calls. */
export function hookFunction(uri: string): SqlFunction {
  const [, schema, name] = /^pg-functions:\/\/[^/]+\/([^/]+)\/([^/]+)$/.exec(uri) ?? [];
  if (schema !== undefined && name !== undefined) return { schema, name };
  throw usage(
    'unsupported_hook',
    `The access-token hook ${uri} is not a function of the database`,
    'Stepbase needs its claims in each token. Replace the hook with a function that calls stepbase_private.add_claims, or run `stepbase init --no-hook`.',
  );
}

const identifier = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

export function hookMigration({ schema, name }: SqlFunction): string {
  const own = `${identifier(schema)}.${identifier(name)}`;
  return `-- The access-token hook of this project (${own}) and the claims of Stepbase, one after the other. supabase/config.toml
-- names this function; \`stepbase init\` wrote it.

-- Without a search_path of its own, so that the hook of the project runs as before.
create or replace function stepbase_private.project_access_token_hook(event jsonb)
returns jsonb
language plpgsql
as $$
declare
  v_answer jsonb := ${own}(event);
begin
  -- The project refuses the token.
  if jsonb_typeof(v_answer -> 'error') = 'object' then
    return v_answer;
  end if;
  return stepbase_private.add_claims(event || v_answer);
end;
$$;

comment on function stepbase_private.project_access_token_hook(jsonb) is
  'Hook of Supabase Auth for each access token: calls ${own} and adds the claims of Stepbase to its answer.';
revoke execute on function stepbase_private.project_access_token_hook(jsonb) from public;
grant execute on function stepbase_private.project_access_token_hook(jsonb) to supabase_auth_admin;
`;
}
