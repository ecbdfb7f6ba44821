// The environment of the functions: every variable with its meaning, parsed once at start. If values are invalid, the
// process ends with a list of all of them. A test keeps `.env.example` equal to these variables.
import { z } from 'zod';
import { databaseAddress, pemOf } from '../db/tls.ts';
import { SAMPLERS, tracingSettings } from '../tracing/settings.ts';
import { AliasError, withoutAliases } from './aliases.ts';

const seconds = (fallback: number) => z.coerce.number().int().positive().default(fallback);
const flag = z.stringbool().default(false);
/** Text in which blanks count as not set. */
const text = z
  .string()
  .transform((value) => value.trim() || undefined)
  .optional();
const withoutSlash = (url: string) => url.trim().replace(/\/+$/, '');
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

/** name=value,name=value with percent-encoding, as the variables of OpenTelemetry. */
const pairs = z
  .string()
  .default('')
  .transform((text, ctx) => {
    try {
      return Object.fromEntries(
        text
          .split(',')
          .filter((pair) => pair.trim() !== '')
          .map((pair): [string, string] => {
            const at = pair.indexOf('=');
            if (at < 1) throw new Error('a pair has no name');
            return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
          }),
      );
    } catch {
      ctx.addIssue({ code: 'custom', message: 'is not a list of name=value, separated by commas' });
      return z.NEVER;
    }
  });

/** Hosted projects provide their keys as a JSON map of name to key. */
const keyMap = z
  .string()
  .default('{}')
  .transform((text, ctx) => {
    try {
      return z.record(z.string(), z.string()).parse(JSON.parse(text));
    } catch {
      ctx.addIssue({ code: 'custom', message: 'is not a JSON object of strings' });
      return z.NEVER;
    }
  });

const shape = {
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe(
      'PostgreSQL as role stepbase_worker (or postgres). On a hosted project: the transaction pooler (port 6543). Required unless SUPABASE_DB_URL is set.',
    ),
  SUPABASE_DB_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('Used when DATABASE_URL is not set. Hosted projects inject it.'),
  DATABASE_CA: z
    .string()
    .transform(pemOf)
    .refine((pem) => /^-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(pem), {
      message: 'is not a certificate in PEM format',
    })
    .optional()
    .describe(
      'Certificate authority of the database in PEM format, with line breaks or \\n. The connection is then encrypted and verified.',
    ),
  DATABASE_REPLICA_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe(
      'A read replica of the database, with the role of DATABASE_URL. It answers lists, searches, statistics, the audit log and metrics of the HTTP API.',
    ),
  DATABASE_REPLICA_MAX_LAG_MS: z.coerce
    .number()
    .int()
    .min(100)
    .default(10_000)
    .describe(
      'The primary answers instead of a replica that may be behind by more than this, in milliseconds.',
    ),
  STEPBASE_DB_POOL: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe(
      'Connections that one process may open; the HTTP API may open as many to the replica.',
    ),
  STEPBASE_DB_DIRECT: flag.describe(
    'Set to true when DATABASE_URL bypasses transaction-mode poolers. LISTEN then wakes workers at once.',
  ),
  SUPABASE_URL: z.url().describe('The address of the project. Hosted projects inject it.'),
  SUPABASE_PUBLISHABLE_KEY: z
    .string()
    .optional()
    .describe('The publishable key. Hosted projects inject SUPABASE_PUBLISHABLE_KEYS instead.'),
  SUPABASE_SECRET_KEY: z
    .string()
    .optional()
    .describe(
      'The secret key, which authorises calls of the worker and reads and writes files of Supabase Storage. Hosted projects inject SUPABASE_SECRET_KEYS instead.',
    ),
  SUPABASE_PUBLISHABLE_KEYS: keyMap.describe(
    'Injected by hosted projects: {"default": "sb_publishable_…"}.',
  ),
  SUPABASE_SECRET_KEYS: keyMap.describe('Injected by hosted projects: {"default": "sb_secret_…"}.'),
  JWT_SECRET: z
    .string()
    .min(32)
    .optional()
    .describe(
      'Verifies user tokens that are signed with HS256. The JWKS of the project verifies asymmetric signatures.',
    ),
  JWT_ISSUER: z.url().optional().describe('Issuer of user tokens. Default: SUPABASE_URL/auth/v1.'),
  UPSTASH_REDIS_REST_URL: z
    .url()
    .optional()
    .describe(
      'Address of the Upstash Redis database. Optional: Redis adds faster wake-ups and rate limits.',
    ),
  UPSTASH_REDIS_REST_TOKEN: z.string().optional().describe('Token of the Upstash Redis database.'),
  OPENAI_BASE_URL: z
    .url()
    .default('https://api.openai.com/v1')
    .describe('Address of the API that llm_call calls; default https://api.openai.com/v1.'),
  OPENAI_API_KEY: text.describe('Key for llm_call.'),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .optional()
    .describe(
      'Mail server for send_email and invitations: smtp://user:password@host:port. Hosted functions reach port 465 (smtps://) but not 25 and 587.',
    ),
  SMTP_FROM: text.describe('Sender of all mails.'),
  RESEND_API_KEY: z.string().optional().describe('Sends mail over HTTPS with Resend.'),
  RESEND_BASE_URL: z
    .url()
    .default('https://api.resend.com')
    .describe('Address of the Resend API; default https://api.resend.com.'),
  STEPBASE_WEB_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Public address of the web client: the base of the links in mails of Stepbase. Invitations need it, SMTP_FROM, and SMTP_URL or RESEND_API_KEY.',
    ),
  STEPBASE_API_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Address of the HTTP API to which components send callbacks. Default: SUPABASE_URL/functions/v1/stepbase-api.',
    ),
  STEPBASE_ALLOW_PRIVATE_NETWORK: flag.describe(
    'Set to true to let steps call addresses of private networks. For development only.',
  ),
  STEPBASE_EGRESS_ALLOW: list.describe(
    'Private addresses that steps may call: hosts, host:port or CIDR ranges, separated by commas.',
  ),
  STEPBASE_WORKER_MODE: z
    .enum(['resident', 'invocation'])
    .default('invocation')
    .describe(
      'resident: the worker runs until it is stopped. invocation: it runs until the budget of an Edge Function is used.',
    ),
  STEPBASE_LEASE_SECONDS: seconds(60).describe(
    'A lease that is not renewed for this long expires: another worker executes the steps.',
  ),
  STEPBASE_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Steps one worker executes at the same time.'),
  STEPBASE_CANCEL_POLL_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(1_000)
    .describe(
      'How often a worker without LISTEN checks whether the runs of its steps were cancelled.',
    ),
  STEPBASE_BUDGET_WALL_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(120_000)
    .describe(
      'Wall-clock time after which an invocation of the worker starts no new steps; below the limit of the platform.',
    ),
  STEPBASE_BUDGET_CPU_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(1_500)
    .describe(
      'CPU time after which an invocation of the worker starts no new steps; below the limit of the platform.',
    ),
  STEPBASE_BUDGET_STEPS: z.coerce
    .number()
    .int()
    .positive()
    .default(400)
    .describe(
      'Steps after which an invocation starts no new ones, where the platform does not report CPU time.',
    ),
  STEPBASE_OUTPUT_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(262_144)
    .describe(
      'The worker writes an output with more bytes to Supabase Storage and keeps a reference in the database. 0: every output stays in the database. Needs SUPABASE_SECRET_KEY.',
    ),
  STEPBASE_STEP_LOGS: z
    .enum(['debug', 'info', 'warn', 'error', 'off'])
    .default('info')
    .describe(
      'The lowest level of the log lines of steps that the worker writes to the database. debug: also HTTP calls that succeed; info: printed lines, failed calls and failed attempts; warn: failed calls and failed attempts; error: failed attempts; off: none.',
    ),
  SB_REGION: text.describe(
    'Region of the Edge Function, for the heartbeat of its invocations; hosted projects inject it.',
  ),
  STEPBASE_CORS_ORIGINS: list.describe(
    'Origins that may call the HTTP API from a browser, separated by commas. Empty: any origin (the API uses no cookies).',
  ),
  STEPBASE_RATE_LIMIT: z.coerce
    .number()
    .int()
    .min(0)
    .default(100)
    .describe('Requests that one caller may make in ten seconds. 0: no limit. Needs Redis.'),
  STEPBASE_CLIENT_IP_HEADER: text.describe(
    'Header in which your proxy writes the address of the caller (cf-connecting-ip, x-real-ip). It limits failed authentications of one address. Set it only if callers cannot write the header themselves. Needs Redis.',
  ),
  STEPBASE_MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(1_048_576)
    .describe('Largest request body that the HTTP API accepts.'),
  STEPBASE_STREAM_SECONDS: seconds(140).describe(
    'Duration after which an event stream (SSE) ends and the client resumes. Keep it below the limit of the platform.',
  ),
  STEPBASE_METRICS_TOKEN: text.describe(
    'Bearer token for /metrics of the API and the worker, beside the secret key: for Prometheus.',
  ),
  STEPBASE_METRICS_BY_APP: flag.describe(
    'Set to true to give metrics of runs the label app. The number of series grows with the applications.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Address of an OpenTelemetry collector (OTLP over HTTP): the worker sends traces in JSON to <address>/v1/traces. Not set: no traces.',
    ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Whole address for traces, instead of OTEL_EXPORTER_OTLP_ENDPOINT.'),
  OTEL_EXPORTER_OTLP_HEADERS: pairs.describe(
    'Headers of the requests to the collector: name=value, separated by commas, percent-encoded.',
  ),
  OTEL_SERVICE_NAME: text.describe('service.name of the spans; default stepbase.'),
  OTEL_RESOURCE_ATTRIBUTES: pairs.describe(
    'Attributes of the resource of all spans: name=value, separated by commas, percent-encoded.',
  ),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS)
    .default('parentbased_always_on')
    .describe(`Which traces are exported: ${SAMPLERS.join(', ')}.`),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the traces for the samplers that end with traceidratio, from 0 to 1.'),
  OTEL_SDK_DISABLED: flag.describe('Set to true to export no traces.'),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('The least level that is logged.'),
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('Port that the process listens on. Do not set it for Edge Functions.'),
  STEPBASE_HOST: text.describe(
    'Address that the process listens on with PORT; default 127.0.0.1. 0.0.0.0 in a container.',
  ),
} satisfies z.ZodRawShape;

/** STEPBASE_SECRET_<APP_CODE>__<NAME>: `{{ secrets.<name> }}` in the workflows of that app. */
export const SECRET_PREFIX = 'STEPBASE_SECRET_';

export const envVariables: Record<keyof typeof shape, z.ZodType> = shape;

const schema = z.object(shape).transform((env, ctx) => {
  const databaseUrl = env.DATABASE_URL ?? env.SUPABASE_DB_URL;
  if (databaseUrl === undefined) {
    ctx.addIssue({ code: 'custom', path: ['DATABASE_URL'], message: 'is required' });
    return z.NEVER;
  }
  const supabaseUrl = withoutSlash(env.SUPABASE_URL);
  const redisUrl = env.UPSTASH_REDIS_REST_URL;
  if (redisUrl !== undefined && env.UPSTASH_REDIS_REST_TOKEN === undefined) {
    const path = ['UPSTASH_REDIS_REST_TOKEN'];
    ctx.addIssue({ code: 'custom', path, message: 'is required with UPSTASH_REDIS_REST_URL' });
  }
  const keys = (one: string | undefined, map: Record<string, string>) => [
    ...new Set([...(one === undefined ? [] : [one]), ...Object.values(map)]),
  ];
  const secretKeys = keys(env.SUPABASE_SECRET_KEY, env.SUPABASE_SECRET_KEYS);
  return {
    database: {
      ...databaseAddress(databaseUrl, env.DATABASE_CA),
      pool: env.STEPBASE_DB_POOL,
      direct: env.STEPBASE_DB_DIRECT,
    },
    replica:
      env.DATABASE_REPLICA_URL === undefined
        ? undefined
        : {
            ...databaseAddress(env.DATABASE_REPLICA_URL, env.DATABASE_CA),
            maxLagMs: env.DATABASE_REPLICA_MAX_LAG_MS,
          },
    supabaseUrl,
    publishableKeys: keys(env.SUPABASE_PUBLISHABLE_KEY, env.SUPABASE_PUBLISHABLE_KEYS),
    secretKeys,
    jwt: {
      secret: env.JWT_SECRET,
      issuer: env.JWT_ISSUER ?? `${supabaseUrl}/auth/v1`,
      jwksUrl: `${supabaseUrl}/auth/v1/.well-known/jwks.json`,
    },
    redis:
      redisUrl === undefined
        ? undefined
        : { url: redisUrl, token: env.UPSTASH_REDIS_REST_TOKEN ?? '' },
    steps: {
      allowPrivateNetwork: env.STEPBASE_ALLOW_PRIVATE_NETWORK,
      egressAllow: env.STEPBASE_EGRESS_ALLOW,
      openai: { baseUrl: withoutSlash(env.OPENAI_BASE_URL), apiKey: env.OPENAI_API_KEY },
      smtp: { url: env.SMTP_URL?.trim(), from: env.SMTP_FROM },
      webUrl: env.STEPBASE_WEB_URL === undefined ? undefined : withoutSlash(env.STEPBASE_WEB_URL),
      resend:
        env.RESEND_API_KEY === undefined
          ? undefined
          : { baseUrl: withoutSlash(env.RESEND_BASE_URL), apiKey: env.RESEND_API_KEY },
      storage: { url: supabaseUrl, secretKey: secretKeys[0] },
      apiUrl: withoutSlash(env.STEPBASE_API_URL ?? `${supabaseUrl}/functions/v1/stepbase-api`),
    },
    worker: {
      mode: env.STEPBASE_WORKER_MODE,
      leaseSeconds: env.STEPBASE_LEASE_SECONDS,
      concurrency: env.STEPBASE_CONCURRENCY,
      cancelPollMs: env.STEPBASE_CANCEL_POLL_MS,
      region: env.SB_REGION,
      outputBytes: env.STEPBASE_OUTPUT_BYTES,
      stepLogs: env.STEPBASE_STEP_LOGS,
      budget: {
        wallMs: env.STEPBASE_BUDGET_WALL_MS,
        cpuMs: env.STEPBASE_BUDGET_CPU_MS,
        steps: env.STEPBASE_BUDGET_STEPS,
      },
    },
    api: {
      corsOrigins: env.STEPBASE_CORS_ORIGINS,
      rateLimit: env.STEPBASE_RATE_LIMIT,
      maxBodyBytes: env.STEPBASE_MAX_BODY_BYTES,
      streamSeconds: env.STEPBASE_STREAM_SECONDS,
      clientIpHeader: env.STEPBASE_CLIENT_IP_HEADER,
    },
    metrics: { token: env.STEPBASE_METRICS_TOKEN, byApp: env.STEPBASE_METRICS_BY_APP },
    tracing: tracingSettings(env),
    logLevel: env.LOG_LEVEL,
    port: env.PORT,
    host: env.STEPBASE_HOST ?? '127.0.0.1',
  };
});

export interface Env extends z.output<typeof schema> {
  /** The variables that start with SECRET_PREFIX. */
  secrets: Record<string, string>;
}

/** The values by the names of their variables, and the fault of an alias. */
function resolveAliases(given: [string, string][]): {
  named: Record<string, string>;
  fault?: string;
} {
  const values = Object.fromEntries(given);
  try {
    return { named: withoutAliases(values) };
  } catch (error) {
    if (error instanceof AliasError) return { named: values, fault: error.message };
    throw error;
  }
}

/** Parses the environment; an empty value counts as not set. Throws one error that lists all faults. */
export function parseEnv(values: Record<string, string | undefined>): Env {
  const given = Object.entries(values).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  const { named, fault } = resolveAliases(given);
  const parsed = schema.safeParse(named);
  if (parsed.success && fault === undefined) {
    const secrets = given.filter(([name]) => name.startsWith(SECRET_PREFIX));
    return { ...parsed.data, secrets: Object.fromEntries(secrets) };
  }
  const faults = [
    ...(fault === undefined ? [] : [`  ${fault}`]),
    ...(parsed.error?.issues ?? []).map((issue) => `  ${issue.path.join('.')}: ${issue.message}`),
  ];
  throw new Error(`The environment is not valid:\n${faults.join('\n')}`);
}
