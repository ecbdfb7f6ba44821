-- The table of the products, and the function by which the workflow writes a page of them.

create table public.products (
  app_code text not null,
  sku text not null,
  name text not null,
  price numeric not null,
  primary key (app_code, sku)
);
alter table public.products enable row level security;
create policy "Members read the products of their application" on public.products
  for select to authenticated using (app_code = (select auth.jwt()) ->> 'app_code');
grant select on public.products to authenticated;

-- Returns how many products it wrote. Security definer, because the role of the step may execute this function and
-- nothing else. The application comes from the claims of the step: the author of a workflow chooses the arguments.
create function public.upsert_products(products jsonb)
returns int
language sql
security definer
set search_path = ''
as $$
  with written as (
    insert into public.products (app_code, sku, name, price)
    select auth.jwt() ->> 'app_code', p.sku, p.name, p.price
    from jsonb_to_recordset(upsert_products.products) as p(sku text, name text, price numeric)
    on conflict (app_code, sku) do update set name = excluded.name, price = excluded.price
    returning 1
  )
  select count(*)::int from written;
$$;
revoke execute on function public.upsert_products(jsonb) from public, anon, authenticated;

select stepbase.allow_function('public.upsert_products(jsonb)');
