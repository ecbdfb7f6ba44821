// link, login, logout and whoami: where the project is, and the key for it.
import type { Command } from 'commander';
import { StepbaseError } from '../../../sdk/src/errors/errors.ts';
import { type Caller, readCaller, requireApp } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { credentialsPath, removeKey, storeKey } from '../credentials.ts';
import { usage } from '../errors.ts';
import { ask, readAll } from '../input.ts';
import { docsPath } from '../install/assets.ts';
import { table } from '../output.ts';
import type { Act } from '../program.ts';
import { addressOf, DEFAULT_LINK, type Link, type Target, writeLink } from '../project.ts';

export function addLinkCommands(program: Command, act: Act): void {
  program
    .command('link')
    .summary('name a project, or list the links')
    .description(
      'Writes the address of a project, and the application, into stepbase/config.json under a name. Without --url, lists the links.',
    )
    .argument('[name]', 'the name of the link; default: that of --link, or "default"')
    .action(act((context, name?: string) => link(context, name)));
  program
    .command('login')
    .summary('store the key of a link')
    .description(
      'Checks a key and stores it in your config folder, readable by you only. The key comes from --api-key, STEPBASE_API_KEY, standard input, or a prompt. With --url, writes the link first.',
    )
    .action(act(login));
  program.command('logout').summary('delete the stored key of a link').action(act(logout));
  program
    .command('whoami')
    .summary('show the application and the permissions of the key')
    .action(act(whoami));
}

function link(context: Context, name: string | undefined): Result {
  const { url, app } = context.options;
  if (url === undefined) {
    if (name !== undefined || app !== undefined) {
      throw usage(
        'missing_url',
        'A link needs --url',
        'The address is https://<project>.supabase.co.',
      );
    }
    const { links } = context.project;
    const rows = Object.entries(links).map(([one, { url: address, app: code }]) => [
      one,
      address,
      code,
    ]);
    const none = 'There is no link. Run `stepbase link --url https://<project>.supabase.co`.';
    return {
      data: { links },
      lines: table(['LINK', 'URL', 'APP'], rows, none),
    };
  }
  return writeNamed(context, name ?? context.options.link ?? DEFAULT_LINK, url, app);
}

function writeNamed(context: Context, name: string, url: string, app: string | undefined): Result {
  if (!/^\w[\w.-]*$/.test(name)) {
    throw usage(
      'invalid_name',
      `The name ${JSON.stringify(name)} of a link may have letters, digits, _ . and -`,
    );
  }
  const made: Link = { url: addressOf(url), ...(app === undefined ? {} : { app }) };
  const path = writeLink(context.project, name, made);
  warnOfPlainHttp(context, made.url);
  const option = name === DEFAULT_LINK ? '' : ` --link ${name}`;
  return {
    data: { link: name, ...made, path },
    lines: [`Linked ${name} to ${made.url}.`, `Next: \`stepbase login${option}\``],
  };
}

function warnOfPlainHttp({ out }: Context, url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || /^(?:localhost|127\..*|\[::1\])$/.test(hostname)) return;
  out.note(`warning: keys for ${url} are sent without encryption`);
}

async function login(context: Context): Promise<Result> {
  const { options, env, stdin, out } = context;
  if (options.url !== undefined) {
    writeNamed(context, options.link ?? DEFAULT_LINK, options.url, options.app);
  }
  const { name, url, app } = context.target;
  const given =
    options.apiKey ??
    env.STEPBASE_API_KEY ??
    (stdin.isTTY === true ? await ask(`Key for ${url}: `, out) : await readAll(stdin));
  const apiKey = given.trim();
  if (apiKey === '') throw usage('no_key', 'The key is empty');
  const caller = await readCaller({ url, apiKey, app }).catch((error: unknown) => {
    throw adviseSecretKey(error, apiKey, app);
  });
  requireApp(caller, app, name);
  const link = options.url === undefined ? name : (options.link ?? DEFAULT_LINK);
  const isLinked = options.url !== undefined || Object.hasOwn(context.project.links, link);
  // From now on, a key of another application is refused.
  if (isLinked) writeLink(context.project, link, { url, app: caller.app_code });
  const path = storeKey(env, { url, app: isLinked ? caller.app_code : app }, apiKey);
  return {
    data: { link: name, url, app: caller.app_code, path },
    lines: [
      `Logged in to ${url} as ${roleOf(caller)} of ${caller.app_code}.`,
      `The key is in ${path}.`,
    ],
  };
}

/** The secret key belongs to the project, so the server cannot know the application. */
function adviseSecretKey(error: unknown, apiKey: string, app: string | undefined): unknown {
  if (!(error instanceof StepbaseError) || !apiKey.startsWith('sb_secret_')) return error;
  if (app === undefined && error.code === 'invalid_request') {
    return usage(
      'no_application',
      'The secret key of a project belongs to no application',
      'Name the application: `stepbase login --app CODE`. Or log in with an API key of the application.',
    );
  }
  if (error.code !== 'permission_denied') return error;
  return usage(
    'unknown_application',
    `The project has no application ${app ?? ''}`,
    `Create it in the web client or with SQL: ${docsPath('guides/existing-project.md')}, step 4.`,
  );
}

const roleOf = ({ api_key_id: key }: Caller): string =>
  key === null ? 'the secret key' : `the API key ${key}`;

function logout(context: Context): Result {
  const { env, target } = context;
  const isRemoved = removeKey(env, target);
  const place = `for ${target.name} in ${credentialsPath(env)}`;
  return {
    data: { link: target.name, removed: isRemoved },
    lines: [isRemoved ? `Deleted the key ${place}.` : `There is no key ${place}.`],
  };
}

async function whoami({ server, target }: Context): Promise<Result> {
  const caller = await server.get<Caller>('/v1/me');
  requireApp(caller, target.app, target.name);
  return {
    data: { link: target.name, url: target.url, ...caller },
    lines: whoLines(target, caller),
  };
}

const whoLines = ({ name, url }: Target, caller: Caller): string[] => [
  `link         ${name} (${url})`,
  `application  ${caller.app_code}`,
  `caller       ${roleOf(caller)}`,
  `permissions  ${caller.permissions.join(', ')}`,
];
