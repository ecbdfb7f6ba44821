// The settings of the bridge, from its environment. A wrong value ends the start with one line for each.

import { readFileSync } from 'node:fs';
import { z } from 'zod';

const Settings = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .describe('The connection of the bridge, as role stepbase_worker.'),
  DATABASE_CA_FILE: z
    .string()
    .optional()
    .describe(
      'File with the certificate that verifies the database; the connection is encrypted then.',
    ),
  DATABASE_DIRECT: z
    .stringbool()
    .default(false)
    .describe(
      'Set to true when DATABASE_URL bypasses transaction-mode poolers. LISTEN then delivers commands at once.',
    ),
  DATABASE_CONNECTIONS: z.coerce.number().int().min(1).max(50).default(4),
  TEMPORAL_ADDRESS: z
    .string()
    .min(1)
    .default('127.0.0.1:7233')
    .describe('Host and port of the frontend of Temporal.'),
  TEMPORAL_API_KEY: z.string().min(1).optional().describe('API key, for Temporal Cloud.'),
  TEMPORAL_TLS: z
    .stringbool()
    .optional()
    .describe('Encrypts the connection; with an API key the default is true.'),
  TEMPORAL_NAMESPACE: z
    .string()
    .min(1)
    .default('stepbase-{app}')
    .describe(
      'Namespace of an application; {app} stands for its app_code. Without {app} all applications share one.',
    ),
  TEMPORAL_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(365)
    .default(7)
    .describe('How long closed workflows stay in the namespaces that the bridge registers.'),
  BRIDGE_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(54_390)
    .describe('Port of /healthz and /readyz; with 0 the system chooses a free one.'),
  BRIDGE_HOST: z.string().default('127.0.0.1'),
  BRIDGE_POLL_MS: z.coerce
    .number()
    .int()
    .min(10)
    .max(60_000)
    .default(500)
    .describe('How often it looks for commands.'),
  BRIDGE_MAX_READS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe('Histories that it reads at the same time; further active runs take turns.'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

export interface BridgeEnv {
  database: {
    url: string;
    ssl: { ca: string } | undefined;
    isDirect: boolean;
    connections: number;
  };
  temporal: { address: string; apiKey: string | undefined; tls?: boolean; retentionDays: number };
  namespace: string;
  host: string;
  port: number;
  pollMs: number;
  maxReads: number;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export class BridgeEnvError extends Error {}

export function readEnv(source: Record<string, string | undefined>): BridgeEnv {
  // An empty variable of a container file means that it is not set.
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''));
  const parsed = Settings.safeParse(given);
  if (!parsed.success) {
    throw new BridgeEnvError(
      parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'),
    );
  }
  const env = parsed.data;
  return {
    database: {
      url: env.DATABASE_URL,
      ssl: env.DATABASE_CA_FILE ? { ca: readFileSync(env.DATABASE_CA_FILE, 'utf8') } : undefined,
      isDirect: env.DATABASE_DIRECT,
      connections: env.DATABASE_CONNECTIONS,
    },
    temporal: {
      address: env.TEMPORAL_ADDRESS,
      apiKey: env.TEMPORAL_API_KEY,
      ...(env.TEMPORAL_TLS === undefined ? {} : { tls: env.TEMPORAL_TLS }),
      retentionDays: env.TEMPORAL_RETENTION_DAYS,
    },
    namespace: env.TEMPORAL_NAMESPACE,
    host: env.BRIDGE_HOST,
    port: env.BRIDGE_PORT,
    pollMs: env.BRIDGE_POLL_MS,
    maxReads: env.BRIDGE_MAX_READS,
    logLevel: env.LOG_LEVEL,
  };
}
