-- The table of the invoices, and the function by which the workflow stores one.

create table public.invoices (
  app_code text not null,
  document_id text not null,
  supplier text not null,
  number text not null,
  total numeric not null,
  primary key (app_code, document_id)
);
alter table public.invoices enable row level security;
create policy "Members read the invoices of their application" on public.invoices
  for select to authenticated using (app_code = (select auth.jwt()) ->> 'app_code');
grant select on public.invoices to authenticated;

-- Security definer, because the role of the step may execute this function and nothing else. The application comes from
-- the claims of the step: the author of a workflow chooses the arguments.
create function public.store_invoice(document_id text, invoice jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  insert into public.invoices (app_code, document_id, supplier, number, total)
  values (
    auth.jwt() ->> 'app_code', store_invoice.document_id, store_invoice.invoice ->> 'supplier',
    store_invoice.invoice ->> 'number', (store_invoice.invoice ->> 'total')::numeric
  )
  on conflict (app_code, document_id) do update
    set supplier = excluded.supplier, number = excluded.number, total = excluded.total
  returning jsonb_build_object('document_id', invoices.document_id);
$$;
revoke execute on function public.store_invoice(text, jsonb) from public, anon, authenticated;

select stepbase.allow_function('public.store_invoice(text, jsonb)');
