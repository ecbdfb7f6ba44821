-- Text search of workflows: the language belongs to the application, so a trigger writes the vector.

create function stepbase_private.search_config(p_app_code text)
returns regconfig
language sql
stable
-- Security definer: a caller need not have the right to read applications.
security definer
set search_path = ''
as $$
  select coalesce(
    (
      select c.oid::regconfig
      from stepbase.applications a
      join pg_catalog.pg_ts_config c
        on c.cfgname = a.search_language and c.cfgnamespace = 'pg_catalog'::regnamespace
      where a.app_code = p_app_code
    ),
    'english'::regconfig
  );
$$;

comment on function stepbase_private.search_config(text) is 'The text search configuration of an application; english for null.';
grant execute on function stepbase_private.search_config(text) to authenticated;

create function stepbase_private.search_vector(p_config regconfig, p_name text, p_description text)
returns tsvector
language sql
immutable
set search_path = ''
as $$
  -- The words as they are written (simple), too: a prefix of a word need not be a prefix of its stem.
  select
    setweight(to_tsvector(p_config, p_name) || to_tsvector('simple'::regconfig, p_name), 'A')
    || setweight(to_tsvector(p_config, p_description) || to_tsvector('simple'::regconfig, p_description), 'B');
$$;

comment on function stepbase_private.search_vector(regconfig, text, text) is
  'The search vector of a name and a description: stems in the language, and the words themselves.';

create function stepbase_private.set_search_vector()
returns trigger
language plpgsql
-- Security definer: members who write workflows have no right to execute the functions that it calls.
security definer
set search_path = ''
as $$
begin
  new.search := stepbase_private.search_vector(
    stepbase_private.search_config(new.app_code), new.name || ' ' || replace(new.kebab_name, '-', ' '), new.description
  );
  return new;
end;
$$;

comment on function stepbase_private.set_search_vector() is 'Trigger: computes workflows.search.';

create trigger workflows_set_search_vector before insert or update of name, description, search on stepbase.workflows
  for each row execute function stepbase_private.set_search_vector();

create function stepbase_private.change_search_language()
returns trigger
language plpgsql
-- Security definer: a caller who may change the application need not have the right to write workflows.
security definer
set search_path = ''
as $$
begin
  if not exists (
    select 1 from pg_catalog.pg_ts_config c
    where c.cfgname = new.search_language and c.cfgnamespace = 'pg_catalog'::regnamespace
  ) then
    perform stepbase_private.raise_error(
      'invalid_request',
      format(
        'search_language must be one of %s',
        (
          select string_agg(c.cfgname, ', ' order by c.cfgname) from pg_catalog.pg_ts_config c
          where c.cfgnamespace = 'pg_catalog'::regnamespace
        )
      )
    );
  end if;
  if tg_op = 'UPDATE' then
    update stepbase.workflows w set search = w.search where w.app_code = new.app_code;
  end if;
  return null;
end;
$$;

comment on function stepbase_private.change_search_language() is
  'Trigger: refuses an unknown text search configuration (SB400), and computes the vectors of the workflows again.';

create trigger applications_change_search_language after insert or update of search_language on stepbase.applications
  for each row execute function stepbase_private.change_search_language();
