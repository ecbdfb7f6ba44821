-- Seals of the audit log: a chain of hashes for each application. A seal covers the rows behind the previous seal, in
-- the order of their transactions, once every transaction of that range has ended. So writers take no lock and never
-- wait, and no row can appear in a sealed range later. docs/operations/audit.md has the format of the hashes.

create table stepbase.audit_seals (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  seq bigint not null constraint seq_begins_at_1 check (seq >= 1),
  sealed_at timestamptz not null,
  system_identifier text,
  first_xid xid8,
  first_id uuid,
  last_xid xid8,
  last_id uuid,
  row_count bigint not null constraint row_count_is_not_negative check (row_count >= 0),
  months jsonb not null,
  dropped_month text constraint dropped_month_is_a_month check (dropped_month ~ '^[0-9]{4}-[0-9]{2}$'),
  previous_hash text not null constraint previous_hash_is_sha256 check (previous_hash ~ '^[0-9a-f]{64}$'),
  hash text not null constraint hash_is_sha256 check (hash ~ '^[0-9a-f]{64}$'),
  constraint audit_seals_pkey primary key (app_code, seq),
  constraint seals_do_not_fork unique (app_code, previous_hash),
  constraint seal_is_of_rows_or_of_a_drop check (
    num_nulls(system_identifier, first_xid, first_id, last_xid, last_id)
    = case when dropped_month is null then 0 else 5 end
    and (row_count > 0 or dropped_month is not null)
  )
);

comment on table stepbase.audit_seals is
  'Seals of the audit log, a chain for each application: each has the hash of its rows and of the seal before. '
  'Append-only, written by stepbase_engine.seal_audit_log().';
comment on column stepbase.audit_seals.seq is 'Number in the chain of the application, from 1 without gaps.';
comment on column stepbase.audit_seals.system_identifier is 'The database cluster in which the rows were written.';
comment on column stepbase.audit_seals.last_xid is
  'The seal covers the rows behind the last row of the previous seal of this cluster, up to this transaction and last_id.';
comment on column stepbase.audit_seals.row_count is 'Number of rows that are sealed, or that retention dropped.';
comment on column stepbase.audit_seals.months is
  'Rows and hash by month of created_at: {"2026-11": {"rows": 3, "hash": "…"}}; retention drops whole months.';
comment on column stepbase.audit_seals.dropped_month is
  'The seal records that retention dropped the rows of this month; null: it seals rows.';
comment on column stepbase.audit_seals.previous_hash is 'hash of the seal before; 64 zeros in the first one.';
comment on column stepbase.audit_seals.hash is 'SHA-256 of the other columns, in hexadecimal.';

create index idx_audit_seals_app_code_last on stepbase.audit_seals (app_code, system_identifier, last_xid, last_id)
where dropped_month is null;

create trigger audit_seals_append_only before update or delete on stepbase.audit_seals
  for each row execute function stepbase_private.refuse_audit_change();
create trigger audit_seals_no_truncate before truncate on stepbase.audit_seals
  for each statement execute function stepbase_private.refuse_audit_change();

alter table stepbase.audit_seals enable row level security;
grant select on stepbase.audit_seals to authenticated, service_role;

create policy "Auditors read the seals of the audit log" on stepbase.audit_seals
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('audit:read')));

create function stepbase_engine.audit_row_hash(p_row stepbase.audit_log)
returns bytea
language sql
immutable
set search_path = ''
as $$
  select sha256(convert_to(
    jsonb_build_array(
      p_row.id, to_char(p_row.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), p_row.app_code,
      p_row.table_name, p_row.row_id, p_row.operation, p_row.actor_id, p_row.api_key_id, p_row.actor_role,
      to_jsonb(p_row.changed_columns), p_row.old_row, p_row.new_row, p_row.system_identifier, p_row.xid::text
    )::text,
    'UTF8'
  ));
$$;

comment on function stepbase_engine.audit_row_hash(stepbase.audit_log) is
  'SHA-256 of the UTF-8 text of a JSON array of the columns in their order; created_at in UTC with microseconds.';

create function stepbase_engine.audit_seal_hash(p_seal stepbase.audit_seals)
returns text
language sql
immutable
set search_path = ''
as $$
  select encode(sha256(convert_to(
    jsonb_build_array(
      p_seal.app_code, p_seal.seq, to_char(p_seal.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      p_seal.system_identifier, p_seal.first_xid::text, p_seal.first_id, p_seal.last_xid::text, p_seal.last_id,
      p_seal.row_count, p_seal.months, p_seal.dropped_month, p_seal.previous_hash
    )::text,
    'UTF8'
  )), 'hex');
$$;

comment on function stepbase_engine.audit_seal_hash(stepbase.audit_seals) is
  'The hash of a seal: SHA-256 of the UTF-8 text of a JSON array of its columns but hash, in hexadecimal.';

create function stepbase_engine.audit_months(
  p_app_code text, p_system_identifier text, p_after_xid xid8, p_after_id uuid, p_last_xid xid8, p_last_id uuid
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(m.month, jsonb_build_object('rows', m.row_count, 'hash', m.hash)), '{}')
  from (
    select
      to_char(l.created_at at time zone 'UTC', 'YYYY-MM') as month,
      count(*) as row_count,
      encode(sha256(string_agg(stepbase_engine.audit_row_hash(l), ''::bytea order by l.xid, l.id)), 'hex') as hash
    from stepbase.audit_log l
    where l.app_code = p_app_code
      and l.system_identifier = p_system_identifier
      and (l.xid, l.id) > (p_after_xid, p_after_id)
      and (l.xid, l.id) <= (p_last_xid, p_last_id)
    group by 1
  ) m;
$$;

comment on function stepbase_engine.audit_months(text, text, xid8, uuid, xid8, uuid) is
  'The column months of a seal, from the rows of a range: the hash of a month is SHA-256 of the hashes of its rows, in the '
  'order of xid and id.';

create function stepbase_engine.add_audit_seal(p_seal stepbase.audit_seals)
returns stepbase.audit_seals
language plpgsql
set search_path = ''
as $$
declare
  v_seal stepbase.audit_seals := p_seal;
  v_previous record;
begin
  select s.seq, s.hash into v_previous
  from stepbase.audit_seals s
  where s.app_code = p_seal.app_code
  order by s.seq desc
  limit 1;
  v_seal.seq := coalesce(v_previous.seq, 0) + 1;
  v_seal.previous_hash := coalesce(v_previous.hash, repeat('0', 64));
  v_seal.sealed_at := stepbase_engine.now();
  v_seal.hash := stepbase_engine.audit_seal_hash(v_seal);
  insert into stepbase.audit_seals select v_seal.*;
  return v_seal;
end;
$$;

comment on function stepbase_engine.add_audit_seal(stepbase.audit_seals) is
  'Appends a seal to the chain of its application: sets seq, sealed_at, previous_hash and hash. The caller holds the lock '
  'stepbase.audit_seals.';

create function stepbase_engine.seal_audit_app(p_app_code text, p_system_identifier text, p_before xid8, p_limit int)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_seal stepbase.audit_seals;
  v_after record;
begin
  select s.last_xid, s.last_id into v_after
  from stepbase.audit_seals s
  where s.app_code = p_app_code and s.system_identifier = p_system_identifier and s.dropped_month is null
  order by s.last_xid desc, s.last_id desc
  limit 1;
  v_after.last_xid := coalesce(v_after.last_xid, '0');
  v_after.last_id := coalesce(v_after.last_id, '00000000-0000-0000-0000-000000000000');
  with sealed as (
    select l.xid, l.id
    from stepbase.audit_log l
    where l.app_code = p_app_code and l.system_identifier = p_system_identifier
      and (l.xid, l.id) > (v_after.last_xid, v_after.last_id) and l.xid < p_before
    order by l.xid, l.id
    limit p_limit
  )
  select f.xid, f.id, e.xid, e.id into v_seal.first_xid, v_seal.first_id, v_seal.last_xid, v_seal.last_id
  from (select s.xid, s.id from sealed s order by s.xid, s.id limit 1) f
  cross join (select s.xid, s.id from sealed s order by s.xid desc, s.id desc limit 1) e;
  if not found then
    return 0;
  end if;
  v_seal.app_code := p_app_code;
  v_seal.system_identifier := p_system_identifier;
  v_seal.months := stepbase_engine.audit_months(
    p_app_code, p_system_identifier, v_after.last_xid, v_after.last_id, v_seal.last_xid, v_seal.last_id
  );
  v_seal.row_count := (select sum((m.value ->> 'rows')::bigint) from jsonb_each(v_seal.months) m);
  v_seal := stepbase_engine.add_audit_seal(v_seal);
  return v_seal.row_count;
end;
$$;

comment on function stepbase_engine.seal_audit_app(text, text, xid8, int) is
  'Seals up to p_limit rows of one application and cluster of transactions before p_before; returns their number.';

create function stepbase_engine.seal_audit_log(
  p_before xid8 default null, p_limit int default 20000, p_time interval default '4 seconds'
)
returns jsonb
language plpgsql
set search_path = ''
-- The planner overestimates the rows of a recursive query so far that it would compile it.
set jit = off
as $$
declare
  c_batch constant int := 5000;
  -- Transactions below xmin have ended, so the later statements of this function see all rows that they wrote.
  v_before constant xid8 := coalesce(p_before, pg_snapshot_xmin(pg_current_snapshot()));
  v_here constant text := stepbase_engine.system_identifier();
  v_end constant timestamptz := clock_timestamp() + p_time;
  v_chain record;
  v_count bigint;
  v_rows bigint := 0;
  v_seals int := 0;
begin
  -- prune() adds seals, too. A chain has one writer at a time.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.audit_seals')) then
    return jsonb_build_object('skipped', true);
  end if;
  -- In random order, so that an application with many changes does not delay the others. Rows of another cluster came
  -- with a dump, and their transactions have ended.
  for v_chain in
    select a.app_code, c.id as cluster
    from (select x.app_code from stepbase.applications x order by random()) a
    cross join lateral (
      with recursive cluster (id) as (
        (select l.system_identifier from stepbase.audit_log l where l.app_code = a.app_code order by 1 limit 1)
        union all
        select (
          select l.system_identifier from stepbase.audit_log l
          where l.app_code = a.app_code and l.system_identifier > c.id
          order by 1 limit 1
        )
        from cluster c
        where c.id is not null
      )
      select c.id from cluster c where c.id is not null
    ) c
  loop
    loop
      exit when v_rows >= p_limit or clock_timestamp() >= v_end;
      v_count := stepbase_engine.seal_audit_app(
        v_chain.app_code, v_chain.cluster, case when v_chain.cluster = v_here then v_before else '18446744073709551615' end,
        least(c_batch, p_limit - v_rows)::int
      );
      exit when v_count = 0;
      v_rows := v_rows + v_count;
      v_seals := v_seals + 1;
    end loop;
    exit when v_rows >= p_limit or clock_timestamp() >= v_end;
  end loop;
  return jsonb_build_object('rows', v_rows, 'seals', v_seals);
end;
$$;

comment on function stepbase_engine.seal_audit_log(xid8, int, interval) is
  'Seals the rows of transactions before p_before (default: the oldest transaction that still writes), at most p_limit rows '
  'and for p_time, the rest in the next call. Returns {rows, seals}; {skipped: true} if another call is running.';

create function stepbase_engine.seal_audit_drop(p_partition text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_app record;
  v_seal stepbase.audit_seals;
  v_is_open boolean;
begin
  if not pg_try_advisory_xact_lock(hashtext('stepbase.audit_seals')) then
    return false;
  end if;
  -- A transaction that began in that month may still write to it.
  execute format('lock table stepbase_engine.%I in share row exclusive mode', p_partition);
  execute format(
    'select exists (
      select 1
      from (
        select distinct on (d.app_code, d.system_identifier) d.app_code, d.system_identifier, d.xid, d.id
        from stepbase_engine.%I d
        order by d.app_code, d.system_identifier, d.xid desc, d.id desc
      ) l
      where not exists (
        select 1 from stepbase.audit_seals s
        where s.app_code = l.app_code and s.system_identifier = l.system_identifier and s.dropped_month is null
          and (s.last_xid, s.last_id) >= (l.xid, l.id)
      )
    )',
    p_partition
  ) into v_is_open;
  if v_is_open then
    return false;
  end if;
  for v_app in
    execute format('select d.app_code, count(*) as row_count from stepbase_engine.%I d group by d.app_code', p_partition)
  loop
    v_seal := null;
    v_seal.app_code := v_app.app_code;
    v_seal.row_count := v_app.row_count;
    v_seal.months := '{}';
    v_seal.dropped_month := replace(right(p_partition, 7), '_', '-');
    perform stepbase_engine.add_audit_seal(v_seal);
  end loop;
  return true;
end;
$$;

comment on function stepbase_engine.seal_audit_drop(text) is
  'Records in the chain of each application that the rows of a partition, a month, are dropped. False, and nothing is '
  'recorded, while a row of the partition has no seal, or while seals are being written.';
