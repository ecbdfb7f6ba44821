// The options of a join. As in the hosted service, an invalid field is ignored.

import { z } from 'zod';
import { limits } from './limits.ts';

const flag = z.boolean().catch(false).default(false);

const binding = z.looseObject({
  event: z.string().catch('*').default('*'),
  schema: z.string().optional().catch(undefined),
  table: z.string().optional().catch(undefined),
  filter: z.string().optional().catch(undefined),
  select: z.array(z.string()).optional().catch(undefined),
});

export type ChangeBinding = z.infer<typeof binding>;

const replay = z.object({ since: z.number(), limit: z.number().int().positive().optional() });

const broadcast = z
  .object({
    ack: flag,
    self: flag,
    replay: replay.optional().catch(undefined),
    replication_ready: flag,
  })
  .catch({ ack: false, self: false, replication_ready: false })
  .default({ ack: false, self: false, replication_ready: false });

const config = z.object({
  private: flag,
  broadcast,
  presence: z
    .object({ key: z.string().catch('').default(''), enabled: flag })
    .catch({ key: '', enabled: false })
    .default({ key: '', enabled: false }),
  postgres_changes: z.array(binding).max(limits.bindingsPerChannel).catch([]).default([]),
  postgres_changes_options: z
    .object({ wait: flag, timeout: z.number().positive().optional().catch(undefined) })
    .catch({ wait: false })
    .default({ wait: false }),
});

export type JoinConfig = z.infer<typeof config>;

const payload = z.object({
  config: z.unknown().optional(),
  access_token: z.string().optional().catch(undefined),
  user_token: z.string().optional().catch(undefined),
});

/** The configuration, and the token of the channel, which replaces that of the connection. */
export function parseJoin(value: unknown): { config: JoinConfig; token: string | undefined } {
  const join = payload.catch({}).parse(value);
  return {
    config: config.catch(config.parse({})).parse(join.config ?? {}),
    token: join.user_token ?? join.access_token,
  };
}
