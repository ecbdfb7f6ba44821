// The health check of the gateway's container: exits with 0 if the gateway answers. It answers once the migrations are
// applied and all services are up.

import { DEFAULT_PORT } from './options.ts';

const response = await fetch(`http://127.0.0.1:${process.env.PORT || DEFAULT_PORT}/healthz`, {
  signal: AbortSignal.timeout(4_000),
});
process.exit(response.ok ? 0 : 1);
