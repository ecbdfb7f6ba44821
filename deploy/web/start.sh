#!/bin/sh
# Writes the settings of the web client, then serves it.
set -eu

fail() {
  echo "stepbase web: $1" >&2
  exit 1
}

url=${SUPABASE_PUBLIC_URL:-${VITE_SUPABASE_URL:-${VITE_API_URL:-}}}
url=${url%/}
url=${url%/functions/v1/stepbase-api}
url=${url%/}
key=${SUPABASE_PUBLISHABLE_KEY:-${VITE_SUPABASE_PUBLISHABLE_KEY:-${VITE_SUPABASE_ANON_KEY:-}}}

# Both values become part of a script and of a header.
case $url in
  *[!A-Za-z0-9.:/_-]*) fail 'SUPABASE_PUBLIC_URL contains a character that no address of a project has' ;;
  http://?* | https://?*) ;;
  *) fail 'SUPABASE_PUBLIC_URL must be the address of the project, http:// or https://' ;;
esac
case $key in
  '' | *[!A-Za-z0-9._-]*) fail 'SUPABASE_PUBLISHABLE_KEY must be the publishable key of the project' ;;
  sb_secret_*) fail 'SUPABASE_PUBLISHABLE_KEY is a secret key: every visitor would get it' ;;
esac

STEPBASE_CONFIG_DIR=$(mktemp -d)
printf 'window.__STEPBASE__ = {"api_url":"%s","publishable_key":"%s"};\n' "$url" "$key" \
  > "$STEPBASE_CONFIG_DIR/config.js"

export STEPBASE_CONFIG_DIR
export STEPBASE_URL="$url"
export STEPBASE_WS_URL="ws${url#http}"
exec caddy run --config Caddyfile --adapter caddyfile
