// The health check of a function's container: exits with 0 if the function answers.

const path = `${Deno.env.get('STEPBASE_FUNCTION')}/healthz`;
const response = await fetch(`http://127.0.0.1:${Deno.env.get('PORT')}/${path}`, {
  signal: AbortSignal.timeout(4_000),
});
Deno.exit(response.ok ? 0 : 1);
