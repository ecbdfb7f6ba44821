-- Lookup table of webhook signature schemes: how the sender of a webhook signs its calls, and which secrets fit.

create table stepbase.webhook_signature_schemes (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  secret_pattern text not null,
  secret_format text not null,
  is_secret_generated boolean not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.webhook_signature_schemes is 'How senders of webhooks sign their calls.';
comment on column stepbase.webhook_signature_schemes.ordinal is 'Order in which clients list the values.';
comment on column stepbase.webhook_signature_schemes.secret_pattern is
  'Regular expression that a given secret must match.';
comment on column stepbase.webhook_signature_schemes.secret_format is 'The pattern in words, for error messages.';
comment on column stepbase.webhook_signature_schemes.is_secret_generated is
  'Stepbase creates the secret if none is given. False: the sender issues it, so it must be given.';

insert into stepbase.webhook_signature_schemes
  (name, label, description, icon, color, ordinal, secret_pattern, secret_format, is_secret_generated)
values
  (
    'standard_webhooks', 'Standard Webhooks', 'Headers webhook-id, webhook-timestamp and webhook-signature.',
    'webhook', '#0d9488', 1,
    '^whsec_[A-Za-z0-9+/]{32,88}={0,2}$', 'whsec_ and 24 to 64 bytes in base64', true
  ),
  (
    'stripe', 'Stripe', 'Header Stripe-Signature; the event id identifies a delivery.',
    'credit-card', '#635bff', 2,
    '^whsec_[A-Za-z0-9+/=]{16,250}$', 'the signing secret of the endpoint, which begins with whsec_', false
  ),
  (
    'github', 'GitHub', 'Header X-Hub-Signature-256; X-GitHub-Delivery identifies a delivery.',
    'github', '#24292f', 3,
    '^[ -~]{16,250}$', '16 to 250 printable ASCII characters', true
  ),
  (
    'slack', 'Slack', 'Headers X-Slack-Signature and X-Slack-Request-Timestamp; event_id identifies a delivery.',
    'slack', '#4a154b', 4,
    '^[A-Za-z0-9]{16,250}$', 'the signing secret of the app: 16 to 250 letters and digits', false
  );

alter table stepbase.webhook_signature_schemes enable row level security;
grant select on stepbase.webhook_signature_schemes to authenticated, service_role;
create policy "Signed-in users read webhook signature schemes" on stepbase.webhook_signature_schemes
  for select to authenticated using (true);
