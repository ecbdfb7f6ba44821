-- Saved views of the list of runs: a name for a filter, for one member or for all members of the application.

create table stepbase.run_views (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_has_1_to_80_characters check (length(trim(name)) between 1 and 80),
  filter jsonb not null
    constraint filter_is_an_object check (jsonb_typeof(filter) = 'object')
    constraint filter_has_at_most_8000_characters check (length(filter::text) <= 8000),
  is_shared boolean not null default false,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table stepbase.run_views is
  'Saved views of the list of runs. Members see their own and the shared ones of their application.';
comment on column stepbase.run_views.filter is
  'The values of the filter as texts by their name in the address of the web client, such as {"status": "failed"}.';
comment on column stepbase.run_views.is_shared is
  'True: all members with run:read see it. Only members with run:execute share views or change shared ones.';
comment on column stepbase.run_views.created_by is 'The member who saved it; null after that person was deleted.';

create index idx_run_views_app_code on stepbase.run_views (app_code, name);
create index idx_run_views_created_by on stepbase.run_views (created_by);

create trigger run_views_touch_updated_at before update on stepbase.run_views
  for each row execute function stepbase_private.touch_updated_at();
create trigger run_views_keep_identity before update on stepbase.run_views
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'created_at');

-- Security definer: it deletes rows that no member sees any more.
create function stepbase_private.delete_unowned_view()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from stepbase.run_views v where v.id = new.id;
  return null;
end;
$$;

comment on function stepbase_private.delete_unowned_view() is
  'Trigger: deletes a view that is not shared when its owner is erased or deleted.';

create trigger run_views_delete_unowned after update of created_by on stepbase.run_views
  for each row when (new.created_by is null and not new.is_shared)
  execute function stepbase_private.delete_unowned_view();

alter table stepbase.run_views enable row level security;
grant select, delete, insert (id, app_code, name, filter, is_shared), update (name, filter, is_shared)
on stepbase.run_views to authenticated;
grant select, insert, update, delete on stepbase.run_views to service_role;

create policy "Members read their views and the shared ones" on stepbase.run_views
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('run:read'))
    and (is_shared or created_by = (select stepbase_private.user_id()))
  );

create policy "Members save views of their own" on stepbase.run_views
  for insert to authenticated
  with check (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('run:read'))
    and case
      when is_shared then (select stepbase_private.has_permission('run:execute'))
      -- An API key has no user id, so it could not read a view of its own.
      else (select stepbase_private.user_id()) is not null
    end
  );

create policy "Members change their views and who executes runs the shared ones" on stepbase.run_views
  for update to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('run:read'))
    and case
      when is_shared then (select stepbase_private.has_permission('run:execute'))
      else created_by = (select stepbase_private.user_id())
    end
  )
  with check (
    app_code = (select stepbase_private.app_code())
    and case
      when is_shared then (select stepbase_private.has_permission('run:execute'))
      else created_by = (select stepbase_private.user_id())
    end
  );

create policy "Members delete their views and who executes runs the shared ones" on stepbase.run_views
  for delete to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('run:read'))
    and case
      when is_shared then (select stepbase_private.has_permission('run:execute'))
      else created_by = (select stepbase_private.user_id())
    end
  );
