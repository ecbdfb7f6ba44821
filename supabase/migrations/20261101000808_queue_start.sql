-- The start of the queue: where searches of it begin (see *_tokens.sql for rounds and tokens).
--
-- A token that was fetched leaves a dead entry in each index until vacuum removes it, and vacuum cannot while an older
-- transaction is open. A search from the first round would then read the entries of every token since that transaction
-- began. So rounds do not start again when the queue is empty: they continue at queue_next, behind the last fetched
-- token, and searches begin at queue_start, which no waiting token precedes.
--
-- Sequences, because each change of a row would leave a dead version, too. They are not transactional; move_queue_start
-- explains why that loses no token.
create sequence stepbase_engine.queue_start as int minvalue 0 start with 0;
create sequence stepbase_engine.queue_next as int minvalue 0 start with 0;

comment on sequence stepbase_engine.queue_start is
  'Its last value is the round at which searches of the queue begin. stepbase_engine.move_queue_start sets it.';
comment on sequence stepbase_engine.queue_next is
  'Its last value is the round of the next token if the queue is empty. stepbase_engine.move_queue_start sets it.';

create function stepbase_engine.move_queue_start(p_last_fetched int, out first_round int, out next_round int)
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_start int;
  v_next int;
begin
  select q.last_value, e.last_value into v_start, v_next
  from stepbase_engine.queue_start q, stepbase_engine.queue_next e;
  -- From the very first round: this also finds the token of a transaction that took long to commit.
  first_round := (
    select -j.priority from stepbase_queue.job j
    where j.name = 'steps' and j.state < 'active' and not j.blocked
    order by j.priority desc
    limit 1
  );
  if first_round is null and v_next > 1000000000 then
    -- Otherwise the numbers would be used up after some months.
    next_round := 0;
    perform setval('stepbase_engine.queue_start', 0), setval('stepbase_engine.queue_next', 0);
    return;
  end if;
  next_round := greatest(v_next, case when p_last_fetched < 2147483647 then p_last_fetched + 1 end);
  if next_round > v_next then
    perform setval('stepbase_engine.queue_next', next_round);
  end if;
  -- The next round as it was: transactions that have read it may still add tokens there.
  if least(first_round, v_next) > v_start then
    perform setval('stepbase_engine.queue_start', least(first_round, v_next));
  end if;
end;
$$;

comment on function stepbase_engine.move_queue_start(int) is
  'Moves the start of the queue to its first token and the next round behind p_last_fetched, the last round that the '
  'caller fetched since its preceding call (null: none). Returns the round of the first token (null: none) and the next '
  'round. A worker fetches from the next round that its preceding call returned, because transactions under way since '
  'then may still add tokens there, or from first_round if that is before it.';
