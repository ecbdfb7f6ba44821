-- RPCs of the seals of the audit log. See rpc_runs for the pattern.

create function stepbase_engine.audit_seal_problem(
  p_seal stepbase.audit_seals, p_seq bigint, p_previous_hash text, p_after_xid xid8, p_after_id uuid
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_kept jsonb;
  v_found jsonb;
begin
  if p_seal.seq <> p_seq then
    return jsonb_build_object('code', 'seal_missing', 'seq', p_seq, 'message', format('Seal %s is missing', p_seq));
  end if;
  if p_seal.previous_hash <> p_previous_hash then
    return jsonb_build_object(
      'code', 'chain_broken', 'seq', p_seq, 'message', format('Seal %s does not follow from the seal before it', p_seq)
    );
  end if;
  if p_seal.hash <> stepbase_engine.audit_seal_hash(p_seal) then
    return jsonb_build_object('code', 'seal_changed', 'seq', p_seq, 'message', format('Seal %s was changed', p_seq));
  end if;
  if p_seal.dropped_month is not null then
    return null;
  end if;
  select coalesce(jsonb_object_agg(m.key, m.value), '{}') into v_kept
  from jsonb_each(p_seal.months) m
  where not exists (
    select 1 from stepbase.audit_seals d
    where d.app_code = p_seal.app_code and d.dropped_month = m.key and d.seq > p_seal.seq
  );
  v_found := stepbase_engine.audit_months(
    p_seal.app_code, p_seal.system_identifier, p_after_xid, p_after_id, p_seal.last_xid, p_seal.last_id
  );
  if v_found <> v_kept then
    return jsonb_build_object(
      'code', 'rows_changed', 'seq', p_seq,
      'message', format('Rows of seal %s were changed, added or deleted after it was made', p_seq),
      'months', (
        select jsonb_agg(m.month order by m.month)
        from (select jsonb_object_keys(v_found) as month union select jsonb_object_keys(v_kept)) m
        where v_found -> m.month is distinct from v_kept -> m.month
      )
    );
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.audit_seal_problem(stepbase.audit_seals, bigint, text, xid8, uuid) is
  'What is wrong with a seal that should have number p_seq and follow p_previous_hash, and whose rows begin behind '
  'p_after_xid and p_after_id: {code, seq, message}; null: nothing.';

create function stepbase_engine.anchor_problem(p_app_code text, p_anchor jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object('code', c.code, 'seq', (p_anchor ->> 'seq')::bigint, 'message', c.message)
  from (
    select
      case when s.seq is null then 'anchor_missing' else 'anchor_differs' end as code,
      case when s.seq is null then 'The chain has no seal with the number of the anchor'
        else 'The seal with the number of the anchor has another hash' end as message
    from (values (1)) one
    left join stepbase.audit_seals s on s.app_code = p_app_code and s.seq = (p_anchor ->> 'seq')::bigint
    where s.hash is distinct from p_anchor ->> 'hash'
  ) c;
$$;

comment on function stepbase_engine.anchor_problem(text, jsonb) is
  'Whether the chain of an application lacks the seal {seq, hash}: {code, seq, message}; null: it has it.';

create function stepbase_engine.verify_audit_log(
  p_app_code text, p_anchor jsonb default null, p_from_seq bigint default 1, p_limit int default 50000
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  c_most_seals constant int := 5000;
  v_seal stepbase.audit_seals;
  v_after record;
  v_problem jsonb;
  v_seq bigint := p_from_seq;
  v_previous text := repeat('0', 64);
  v_rows bigint := 0;
  v_dropped bigint := 0;
  v_next bigint;
begin
  if p_anchor is not null then
    v_problem := stepbase_engine.anchor_problem(p_app_code, p_anchor);
  end if;
  if v_problem is null and p_from_seq > 1 then
    v_previous := (select s.hash from stepbase.audit_seals s where s.app_code = p_app_code and s.seq = p_from_seq - 1);
    if v_previous is null then
      v_problem := jsonb_build_object(
        'code', 'seal_missing', 'seq', p_from_seq - 1, 'message', format('Seal %s is missing', p_from_seq - 1)
      );
    end if;
  end if;
  if v_problem is null then
    for v_seal in
      select s.* from stepbase.audit_seals s where s.app_code = p_app_code and s.seq >= p_from_seq order by s.seq
    loop
      if v_rows >= p_limit or v_seq - p_from_seq >= c_most_seals then
        v_next := v_seq;
        exit;
      end if;
      select s.last_xid, s.last_id into v_after
      from stepbase.audit_seals s
      where s.app_code = p_app_code and s.system_identifier = v_seal.system_identifier and s.dropped_month is null
        and (s.last_xid, s.last_id) < (v_seal.last_xid, v_seal.last_id)
      order by s.last_xid desc, s.last_id desc
      limit 1;
      v_problem := stepbase_engine.audit_seal_problem(
        v_seal, v_seq, v_previous, coalesce(v_after.last_xid, '0'),
        coalesce(v_after.last_id, '00000000-0000-0000-0000-000000000000')
      );
      exit when v_problem is not null;
      if v_seal.dropped_month is null then
        v_rows := v_rows + v_seal.row_count;
      else
        v_dropped := v_dropped + v_seal.row_count;
      end if;
      v_previous := v_seal.hash;
      v_seq := v_seq + 1;
    end loop;
  end if;
  return jsonb_build_object(
    'verified', v_problem is null, 'app_code', p_app_code, 'seals', v_seq - p_from_seq, 'rows', v_rows,
    'dropped_rows', v_dropped, 'next_seq', v_next, 'problem', v_problem
  );
end;
$$;

comment on function stepbase_engine.verify_audit_log(text, jsonb, bigint, int) is
  'Implements stepbase.verify_audit_log for one application. Operators with SQL call it directly.';

-- Security definer: it calls the engine. It checks the application and the permission itself.
create function stepbase_private.verify_audit_log(p_anchor jsonb, p_from_seq bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('audit:read');
begin
  if p_from_seq is null or p_from_seq < 1 then
    perform stepbase_private.raise_error('invalid_request', 'from_seq must be at least 1', '{"path": "from_seq"}');
  end if;
  if p_anchor is not null and not coalesce(
    jsonb_typeof(p_anchor -> 'seq') = 'number' and p_anchor ->> 'seq' ~ '^[1-9][0-9]{0,17}$'
    and p_anchor ->> 'hash' ~ '^[0-9a-f]{64}$',
    false
  ) then
    perform stepbase_private.raise_error(
      'invalid_request', 'anchor must be an object with seq, a number from 1, and hash, 64 hexadecimal digits',
      '{"path": "anchor"}'
    );
  end if;
  return stepbase_engine.verify_audit_log(v_app_code, p_anchor, p_from_seq);
end;
$$;

comment on function stepbase_private.verify_audit_log(jsonb, bigint) is 'Implements stepbase.verify_audit_log.';
grant execute on function stepbase_private.verify_audit_log(jsonb, bigint) to authenticated;

create function stepbase.verify_audit_log(anchor jsonb default null, from_seq bigint default 1)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.verify_audit_log(verify_audit_log.anchor, verify_audit_log.from_seq);
$$;

comment on function stepbase.verify_audit_log(jsonb, bigint) is
  'Computes the seals of the audit log of the caller''s application again, from from_seq, and compares. anchor: {seq, hash} of '
  'a seal that was kept elsewhere (audit_anchor); it must be in the chain. Returns {verified, app_code, seals, rows, '
  'dropped_rows, next_seq, problem}. problem: the first one, {code, seq, message}, with code seal_missing, chain_broken, '
  'seal_changed, rows_changed, anchor_missing or anchor_differs. A call checks about 50,000 rows; next_seq is from_seq of the '
  'next call, null at the end. Requires audit:read. Errors: SB400, SB401, SB403.';
grant execute on function stepbase.verify_audit_log(jsonb, bigint) to authenticated;

-- Security definer, so that the answer and its error do not depend on row-level security.
create function stepbase_private.audit_anchor()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('audit:read');
begin
  return coalesce(
    (
      select jsonb_build_object('app_code', s.app_code, 'seq', s.seq, 'hash', s.hash, 'sealed_at', s.sealed_at)
      from stepbase.audit_seals s
      where s.app_code = v_app_code
      order by s.seq desc
      limit 1
    ),
    jsonb_build_object('app_code', v_app_code, 'seq', null, 'hash', null, 'sealed_at', null)
  );
end;
$$;

comment on function stepbase_private.audit_anchor() is 'Implements stepbase.audit_anchor.';
grant execute on function stepbase_private.audit_anchor() to authenticated;

create function stepbase.audit_anchor()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.audit_anchor();
$$;

comment on function stepbase.audit_anchor() is
  'The newest seal of the audit log of the caller''s application, to be kept elsewhere: {app_code, seq, hash, sealed_at}, nulls '
  'without a seal. verify_audit_log later proves that the log up to this seal is unchanged. Requires audit:read. Errors: '
  'SB401, SB403.';
grant execute on function stepbase.audit_anchor() to authenticated;
