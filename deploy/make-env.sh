#!/bin/sh
# Writes deploy/.env from deploy/.env.example with random secrets. An existing file stays as it is.
set -eu
umask 077
cd "$(dirname "$0")"

if [ -e .env ]; then
  echo 'deploy/.env exists and stays as it is' >&2
  exit 0
fi

random() {
  od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'
}

sed \
  -e "s/^POSTGRES_PASSWORD=$/POSTGRES_PASSWORD=$(random 24)/" \
  -e "s/^STEPBASE_DB_PASSWORD=$/STEPBASE_DB_PASSWORD=$(random 24)/" \
  -e "s/^JWT_SECRET=$/JWT_SECRET=$(random 32)/" \
  -e "s/^SUPABASE_PUBLISHABLE_KEY=$/SUPABASE_PUBLISHABLE_KEY=sb_publishable_$(random 16)/" \
  -e "s/^SUPABASE_SECRET_KEY=$/SUPABASE_SECRET_KEY=sb_secret_$(random 16)/" \
  -e "s/^UPSTASH_REDIS_REST_TOKEN=$/UPSTASH_REDIS_REST_TOKEN=$(random 24)/" \
  .env.example > .env.new
mv .env.new .env
echo 'wrote deploy/.env' >&2
