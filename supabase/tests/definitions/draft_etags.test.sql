-- The ETag of a draft: it changes with each save, and a save is refused if the draft has another one.

begin;
set local search_path = public, extensions;
select plan(11);
select tests.create_people();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d001');

create function pg_temp.kebab() returns text language sql
as $$ select w.kebab_name from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d001' $$;
create function pg_temp.require_draft(who text, etag text) returns text language sql
as $$
  select tests.attempt(who, format('select stepbase_private.require_draft(%L, %L)', pg_temp.kebab(), etag))
$$;
create function pg_temp.etag() returns text language sql
as $$
  select stepbase_private.draft_etag(v) from stepbase.workflow_versions v
  where v.workflow_id = '00000000-0000-4000-8000-00000000d001' and v.status = 'draft'
$$;

insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
select 'tap-one', '00000000-0000-4000-8000-00000000d001', 100, '{"nodes": [], "edges": []}'
where not exists (
  select 1 from stepbase.workflow_versions v
  where v.workflow_id = '00000000-0000-4000-8000-00000000d001' and v.status = 'draft'
);

select matches(pg_temp.etag(), '^"[0-9a-f]{32}"$', 'an ETag is a quoted text');
select is(pg_temp.require_draft('developer', pg_temp.etag()), 'ok 1', 'the present ETag is accepted');
select is(pg_temp.require_draft('developer', '*'), 'ok 1', 'the asterisk accepts each draft');
select is(pg_temp.require_draft('developer', '"other"'), 'SB412', 'another ETag is refused');
select is(pg_temp.require_draft('developer', null), 'SB412', 'null is refused if there is a draft');
select is(pg_temp.require_draft('viewer', '*'), 'SB403', 'a viewer may not save, so the check is refused, too');
select is(pg_temp.require_draft('sister', '*'), 'SB412', 'another application has no such draft');
select is(
  tests.detail_of('developer', format('select stepbase_private.require_draft(%L, %L)', pg_temp.kebab(), '"other"')) ->> 'etag',
  pg_temp.etag(), 'the error names the present ETag'
);
-- A save in another transaction has another time.
select isnt(
  (select stepbase_private.draft_etag(
     jsonb_populate_record(v, jsonb_build_object('updated_at', v.updated_at + interval '1 millisecond'))
   )
   from stepbase.workflow_versions v
   where v.workflow_id = '00000000-0000-4000-8000-00000000d001' and v.status = 'draft'),
  pg_temp.etag(), 'a change of the draft changes its ETag'
);
update stepbase.workflows set deleted_at = now() where id = '00000000-0000-4000-8000-00000000d001';
select is(pg_temp.require_draft('developer', '*'), 'SB412', 'a deleted workflow has no draft to save over');
select is(pg_temp.require_draft('developer', null), 'ok 1', 'null is accepted if there is none');
select * from finish();
rollback;
