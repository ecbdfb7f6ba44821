// docs/reference/environment.md: every environment variable of the functions, from their schema. The
// sections are those of .env.example.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { envAliases, REDIS_ALIAS } from '../../functions/_shared/env/aliases.ts';
import { envVariables, SECRET_PREFIX } from '../../functions/_shared/env/env.ts';
import { ROOT } from '../stack/options.ts';
import { limitsOf } from './json-schema.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

interface Section {
  title: string;
  names: string[];
}

/** The sections of .env.example (`# ── Title ──`) and the variables in each. */
export function sectionsOf(text: string): Section[] {
  const sections: Section[] = [];
  for (const line of text.split('\n')) {
    const title = /^# ── (.+?) ─+$/.exec(line)?.[1];
    if (title !== undefined) sections.push({ title, names: [] });
    const name = /^([A-Z0-9_]+)=/.exec(line)?.[1];
    if (name !== undefined) sections.at(-1)?.names.push(name);
  }
  return sections;
}

function row(name: string, type: z.ZodType): string[] {
  const schema = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' });
  const absent = type.safeParse(undefined);
  const fallback = schema.default ?? (typeof absent.data === 'boolean' ? absent.data : undefined);
  const isRequired = !absent.success;
  const values = [
    ...(schema.enum ? [schema.enum.map((value) => code(String(value))).join(', ')] : []),
    ...(typeof absent.data === 'boolean' ? [`${code('true')}, ${code('false')}`] : []),
    ...(schema.type === 'integer' || schema.type === 'number'
      ? limitsOf({ ...schema, format: undefined })
      : []),
  ];
  const shown = fallback === undefined || fallback === '' ? '' : code(String(fallback));
  return [code(name), isRequired ? 'required' : shown, values.join('; '), type.description ?? ''];
}

export function environmentPage(): string {
  const variables = new Map(Object.entries(envVariables));
  const sections = sectionsOf(readFileSync(join(ROOT, '.env.example'), 'utf8'));
  return page(
    generatedFrom('`functions/_shared/env/env.ts` and `.env.example`'),
    '# Environment variables',
    'Both functions read the environment once, at start. A wrong value stops the process with a list of all problems. An empty value counts as not set. `npm start` sets every variable; on a hosted project, use `npx supabase secrets set --env-file .env`.',
    ...sections.flatMap(({ title, names }) => {
      const known = names.filter((name) => variables.has(name));
      if (known.length === 0) return [];
      return [
        `## ${title.replace(/ \(.*\)$/, '')}`,
        table(
          ['variable', 'default', 'values', 'meaning'],
          known.map((name) => row(name, variables.get(name) ?? z.never())),
        ),
      ];
    }),
    '## Web client',
    'The build of the web client reads these variables. Its container reads the first two at start.',
    table(
      ['variable', 'meaning'],
      [
        [code('VITE_SUPABASE_URL'), 'Address of the project.'],
        [code('VITE_SUPABASE_PUBLISHABLE_KEY'), 'Publishable key of the project.'],
      ],
    ),
    '## Embedded stack',
    '`npm start` reads these variables. The functions and hosted projects do not use them.',
    table(
      ['variable', 'default', 'values', 'meaning'],
      [
        [
          code('STEPBASE_REALTIME_RATE'),
          'no limit',
          'at least 1',
          'Messages of Realtime in a second, as hosted plans limit them (Free: 100). Further messages from the database are dropped; a client that sends more loses its channel.',
        ],
      ],
    ),
    '## Other names',
    'Each of these is used when the variable that it stands for is not set.',
    table(
      ['name', 'stands for'],
      [
        [
          code(REDIS_ALIAS),
          `${code('UPSTASH_REDIS_REST_URL')} and ${code('UPSTASH_REDIS_REST_TOKEN')}: ${code('rediss://default:<token>@<name>.upstash.io:6379')}, or ${code('http(s)://:<token>@<host>')} of an Upstash-compatible REST server.`,
        ],
        ...Object.entries(envAliases).map(([alias, name]) => [code(alias), code(name)]),
        [code('VITE_SUPABASE_ANON_KEY'), code('VITE_SUPABASE_PUBLISHABLE_KEY')],
        [
          code('VITE_API_URL'),
          `${code('VITE_SUPABASE_URL')}, from the address of the HTTP API (${code('<project>/functions/v1/stepbase-api')})`,
        ],
        [
          code('VITE_WS_URL'),
          'Not needed. The client derives it; another host than that of the project is an error.',
        ],
      ],
    ),
    '## Secrets of workflows',
    `\`${SECRET_PREFIX}<APP_CODE>__<NAME>\` provides \`{{ secrets.<name> }}\` to the workflows of one application. Write the application code and the name in capitals, replace \`-\` by \`_\`, and separate them by two underscores: \`${SECRET_PREFIX}MY_SHOP__STRIPE_KEY\` is \`stripe_key\` of \`my-shop\`. This works for names of lower-case letters, digits and \`_\`. A Vault entry \`stepbase/app/<app_code>/<name>\` works for every name. \`${SECRET_PREFIX}<APP_CODE>__<NAME>__HOSTS\` lists the hosts that may receive the secret: see [secrets](../guides/secrets.md#which-hosts-may-receive-a-secret).`,
  );
}
