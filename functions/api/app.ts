// The HTTP API: the middleware in order, then the routes. `/api` is the name of the function.
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { callerKey } from '../_shared/auth/index.ts';
import { AppError } from '../_shared/errors/index.ts';
import type { ApiEnv, Deps } from './deps.ts';
import { accessLog } from './middleware/access-log.ts';
import { authenticate } from './middleware/authenticate.ts';
import { handleError, handleMethodNotAllowed, handleNotFound } from './middleware/error-handler.ts';
import { limitFailures } from './middleware/limit-failures.ts';
import { rateLimit } from './middleware/rate-limit.ts';
import { wakeWorkers } from './middleware/wake-workers.ts';
import { definitionRoutes } from './routes/definitions.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { hookRoutes } from './routes/hooks.ts';
import { runRoutes } from './routes/runs.ts';
import { taskRoutes } from './routes/tasks.ts';
import { workflowRoutes } from './routes/workflows.ts';

const EXPOSED_HEADERS = [
  'X-Request-Id',
  'Location',
  'Retry-After',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
];

export function createApp(deps: Deps): Hono<ApiEnv> {
  const { corsOrigins, maxBodyBytes } = deps.settings;

  const limitBody = bodyLimit({
    maxSize: maxBodyBytes,
    onError: () => {
      throw new AppError('payload_too_large', `The body may have at most ${maxBodyBytes} bytes`);
    },
  });

  const failures = limitFailures(deps);

  const v1 = new Hono<ApiEnv>()
    .use(failures)
    .use(limitBody)
    .use(authenticate(deps))
    .use(rateLimit<ApiEnv>(deps, (c) => callerKey(c.var.member)))
    .use(wakeWorkers(deps))
    .route('/workflows', workflowRoutes(deps))
    .route('/workflows', definitionRoutes(deps))
    .route('/runs', runRoutes(deps))
    .route('/events', eventRoutes(deps))
    .route('/', taskRoutes(deps));

  const app = new Hono<ApiEnv>().basePath('/stepbase-api');
  app.use(requestId());
  app.use(accessLog(deps));
  app.use(
    cors({
      origin: corsOrigins.length === 0 ? '*' : corsOrigins,
      allowMethods: ['GET', 'POST', 'OPTIONS'],
      allowHeaders: [
        'authorization',
        'apikey',
        'content-type',
        'idempotency-key',
        'last-event-id',
        'x-client-info',
        'x-request-id',
      ],
      exposeHeaders: EXPOSED_HEADERS,
      maxAge: 600,
    }),
  );
  app.use(methodNotAllowed({ app, onMethodNotAllowed: handleMethodNotAllowed }));
  app.route('/', healthRoutes(deps));
  app.route('/v1', v1);
  // Webhooks of other systems are authenticated by their signature.
  app.use('/hooks/*', failures, limitBody, wakeWorkers(deps));
  app.route('/hooks', hookRoutes(deps));
  app.notFound(handleNotFound);
  app.onError(handleError);
  return app;
}
