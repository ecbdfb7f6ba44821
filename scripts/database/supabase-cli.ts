// Calls the real Supabase CLI and returns its output.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../stack/options.ts';

const DEADLINE_MS = 120_000;

/** Standard output of a CLI command; throws its error output if it fails. */
export async function supabaseOutput(args: string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(
      join(ROOT, 'node_modules', '.bin', 'supabase'),
      args,
      {
        cwd: ROOT,
        timeout: DEADLINE_MS,
        maxBuffer: 64 * 1024 * 1024,
        env: {
          ...process.env,
          PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
          SUPABASE_TELEMETRY_DISABLED: '1',
          DO_NOT_TRACK: '1',
          NO_COLOR: '1',
          // The embedded database has no TLS, and the CLI would print a warning about it.
          PGSSLMODE: process.env.PGSSLMODE ?? 'disable',
        },
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        reject(new Error(`supabase ${args.slice(0, 2).join(' ')}: ${stderr || error.message}`));
      },
    );
  });
}
