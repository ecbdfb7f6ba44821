// The HTTP API: the middleware in order, then the routes. `/api` is the name of the function.
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { callerKey } from '../_shared/auth/index.ts';
import { AppError } from '../_shared/errors/index.ts';
import { mcpRoutes } from '../mcp/routes.ts';
import type { ApiEnv, Deps } from './deps.ts';
import { accessLog } from './middleware/access-log.ts';
import { authenticate } from './middleware/authenticate.ts';
import { handleError, handleMethodNotAllowed, handleNotFound } from './middleware/error-handler.ts';
import { limitFailures } from './middleware/limit-failures.ts';
import { statePosition } from './middleware/position.ts';
import { rateLimit } from './middleware/rate-limit.ts';
import { nameVersion, requireVersions, VERSION_HEADER } from './middleware/versions.ts';
import { wakeWorkers } from './middleware/wake-workers.ts';
import { openApiDocument } from './openapi.ts';
import type { Operation } from './operation.ts';
import { OPERATIONS, RESOURCES } from './operations.ts';
import { LSN_HEADER } from './replica/reads.ts';
import { callbackRoutes } from './routes/callbacks.ts';
import { healthRoutes } from './routes/health.ts';
import { hookRoutes } from './routes/hooks.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { taskLinkRoutes } from './routes/task-links.ts';

const EXPOSED_HEADERS = [
  'X-Request-Id',
  'Location',
  'ETag',
  'Preference-Applied',
  'Retry-After',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  VERSION_HEADER,
  LSN_HEADER,
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

  /** Routes of callers who belong to an application. */
  const forMembers = () =>
    new Hono<ApiEnv>()
      .use(failures)
      .use(limitBody)
      .use(authenticate(deps))
      .use(statePosition(deps))
      .use(rateLimit<ApiEnv>(deps, (c) => callerKey(c.var.member)))
      .use(wakeWorkers(deps));

  const v1 = forMembers();
  for (const operation of OPERATIONS) {
    if (isUnderV1(operation)) {
      v1.on(operation.method, operation.path.slice('/v1'.length), operation.handler(deps));
    }
  }

  const app = new Hono<ApiEnv>().basePath('/stepbase-api');
  app.use(requestId());
  app.use(accessLog(deps));
  app.use(
    cors({
      origin: corsOrigins.length === 0 ? '*' : corsOrigins,
      allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      allowHeaders: [
        'authorization',
        'apikey',
        'content-type',
        'idempotency-key',
        'if-match',
        'if-none-match',
        'last-event-id',
        'mcp-protocol-version',
        'prefer',
        'stepbase-lsn',
        'traceparent',
        'x-client-info',
        'x-request-id',
      ],
      exposeHeaders: EXPOSED_HEADERS,
      maxAge: 600,
    }),
  );
  app.use(nameVersion);
  app.use(methodNotAllowed({ app, onMethodNotAllowed: handleMethodNotAllowed }));
  app.route('/', healthRoutes(deps));
  app.route('/', metricsRoutes(deps, failures));
  // Built by the first request: a cold start that serves another route does not pay for it.
  let document: string | undefined;
  app.get('/openapi.json', (c) => {
    document ??= JSON.stringify(openApiDocument(RESOURCES));
    return c.body(document, 200, { 'content-type': 'application/json' });
  });
  const versions = requireVersions(deps.handshake);
  for (const path of ['/v1/*', '/mcp', '/mcp/*', '/hooks/*', '/task-links/*', '/callbacks/*']) {
    app.use(path, versions);
  }
  app.route('/v1', v1);
  const callApi = (path: string, init: RequestInit) => app.request(`/stepbase-api${path}`, init);
  app.route('/mcp', forMembers().route('/', mcpRoutes(deps, callApi)));
  // Webhooks of other systems are authenticated by their signature.
  app.use('/hooks/*', failures, limitBody, wakeWorkers(deps));
  app.route('/hooks', hookRoutes(deps));
  // A link in a mail has a token of its own.
  app.use('/task-links/*', failures, limitBody, wakeWorkers(deps));
  app.route('/task-links', taskLinkRoutes(deps));
  // A component that was called has a token for its answer.
  app.use('/callbacks/*', failures, limitBody, wakeWorkers(deps));
  app.route('/callbacks', callbackRoutes(deps));
  app.notFound(handleNotFound);
  app.onError(handleError);
  return app;
}

/** Webhooks and health checks have middleware of their own. */
const isUnderV1 = ({ path }: Operation) => path.startsWith('/v1/');
