// The settings that the embedded services read from supabase/config.toml, so that one file configures them and a hosted
// project.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { durationSeconds } from './duration.ts';
import { ROOT } from './options.ts';

const hook = z
  .object({ enabled: z.boolean().default(false), uri: z.string().default('') })
  .transform(({ enabled, uri }, context) => {
    if (!enabled) return undefined;
    const match = /^pg-functions:\/\/[^/]+\/([a-z_][a-z0-9_]*)\/([a-z_][a-z0-9_]*)$/.exec(uri);
    if (!match) {
      context.addIssue({ code: 'custom', message: `is not a pg-functions:// address: ${uri}` });
      return z.NEVER;
    }
    return { schema: match[1] as string, name: match[2] as string };
  })
  .optional();

/** Seconds, from a duration as Go writes it. */
const seconds = z.string().transform((text, context) => {
  try {
    return durationSeconds(text);
  } catch {
    context.addIssue({ code: 'custom', message: `is not a duration: ${text}` });
    return z.NEVER;
  }
});

const shape = z.object({
  api: z
    .object({
      schemas: z.array(z.string()).default(['public']),
      max_rows: z.number().int().positive().default(1000),
    })
    .prefault({}),
  auth: z
    .object({
      site_url: z.string().optional(),
      additional_redirect_urls: z.array(z.string()).default([]),
      jwt_expiry: z.number().int().positive().default(3600),
      enable_signup: z.boolean().default(true),
      minimum_password_length: z.number().int().default(6),
      enable_refresh_token_rotation: z.boolean().default(true),
      refresh_token_reuse_interval: z.number().default(10),
      email: z
        .object({
          enable_signup: z.boolean().default(true),
          enable_confirmations: z.boolean().default(false),
          max_frequency: seconds.prefault('1m'),
        })
        .prefault({}),
      hook: z
        .object({ custom_access_token: hook, password_verification_attempt: hook })
        .prefault({}),
    })
    .prefault({}),
  functions: z
    .record(
      z.string(),
      z.object({
        enabled: z.boolean().default(true),
        verify_jwt: z.boolean().default(true),
        entrypoint: z.string().optional(),
      }),
    )
    .default({}),
});

export type ProjectConfig = z.output<typeof shape>;
export type HookFunction = { schema: string; name: string };

/** The settings of a folder with a folder `supabase`; default: this repository. */
export async function loadProjectConfig(project = ROOT): Promise<ProjectConfig> {
  const text = await readFile(join(project, 'supabase', 'config.toml'), 'utf8');
  return shape.parse(parse(text));
}
