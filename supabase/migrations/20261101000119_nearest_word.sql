-- The suggestion for a misspelled key. It does not use the extension fuzzystrmatch: where an extension is installed
-- differs between databases, and its distance counts two swapped letters as two faults.

create function stepbase_private.edit_distance(p_one text, p_other text, p_most int)
returns int
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_one constant text[] := string_to_array(left(p_one, 40), null);
  v_other constant text[] := string_to_array(left(p_other, 40), null);
  v_width constant int := cardinality(v_other);
  v_before int[];
  v_previous int[] := array(select generate_series(0, v_width));
  v_row int[];
  v_cost int;
  v_least int;
begin
  -- Rows of the table of distances between prefixes; element j + 1 is that of the first j letters of p_other.
  for i in 1 .. cardinality(v_one) loop
    v_row := array[i];
    v_least := i;
    for j in 1 .. v_width loop
      v_cost := least(
        v_previous[j] + (v_one[i] <> v_other[j])::int,
        v_previous[j + 1] + 1,
        v_row[j] + 1
      );
      if i > 1 and j > 1 and v_one[i] = v_other[j - 1] and v_one[i - 1] = v_other[j] then
        v_cost := least(v_cost, v_before[j - 1] + 1);
      end if;
      v_row := v_row || v_cost;
      v_least := least(v_least, v_cost);
    end loop;
    -- No later row has a smaller distance, but for two swapped letters.
    if v_least > p_most + 1 then
      return null;
    end if;
    v_before := v_previous;
    v_previous := v_row;
  end loop;
  return case when v_previous[v_width + 1] <= p_most then v_previous[v_width + 1] end;
end;
$$;

comment on function stepbase_private.edit_distance(text, text, int) is
  'The number of letters to insert, delete, replace or swap with the next one to turn one word into the other; null if it is '
  'more than p_most. Compares the first 40 letters.';

create function stepbase_private.nearest_word(p_word text, p_known text[])
returns text
language sql
immutable
set search_path = ''
as $$
  with word as (
    -- maxAttempts, max-attempts and max_attempts are the same word.
    select w.letters, greatest(1, length(w.letters) / 3) as most
    from (select lower(translate(left(p_word, 100), '_- ', '')) as letters) w
    where w.letters <> ''
  ),
  known as (
    select k.word, lower(translate(left(k.word, 100), '_- ', '')) as letters
    from unnest(p_known[:100]) k (word)
  ),
  candidate as (
    select
      k.word, k.letters, w.letters as wanted, w.most,
      least(length(k.letters), length(w.letters)) >= 3 and (
        k.letters ^@ w.letters or w.letters ^@ k.letters or right(k.letters, length(w.letters)) = w.letters
      ) as is_part
    from word w
    cross join known k
  )
  select c.word
  from candidate c
  cross join lateral (
    select case
      when c.is_part then 1
      -- Cheap tests that most words fail: a mistake in the first and in the last letter is rare.
      when abs(length(c.letters) - length(c.wanted)) <= c.most
        and (left(c.letters, 1) = left(c.wanted, 1) or right(c.letters, 1) = right(c.wanted, 1))
        then stepbase_private.edit_distance(c.wanted, c.letters, c.most)
    end as distance
  ) d
  where d.distance is not null
  order by d.distance, abs(length(c.letters) - length(c.wanted)), c.word
  limit 1;
$$;

comment on function stepbase_private.nearest_word(text, text[]) is
  'The word of p_known (at most 100 are compared) that p_word probably stands for: spelled nearly the same, in another '
  'case, or its beginning or end; null if none is near.';
