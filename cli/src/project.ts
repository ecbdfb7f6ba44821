// The folder `stepbase` of a project: its workflows, and config.json with the links, which holds no secret.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Env, readKey } from './credentials.ts';
import { usage } from './errors.ts';
import { readObject, writeObject } from './files.ts';

export interface Link {
  url: string;
  app?: string;
}

export interface Project {
  /** The folder `stepbase`. */
  folder: string;
  workflows: string;
  components: string;
  links: Readonly<Record<string, Link>>;
}

export const DEFAULT_LINK = 'default';

/** The folder of the project around `start`; without one, that of `start`. */
export function readProject(start: string): Project {
  let folder = join(start, 'stepbase');
  for (let at = resolve(start); ; at = dirname(at)) {
    const candidate = join(at, 'stepbase');
    if (
      ['config.json', 'workflows', 'components'].some((name) => existsSync(join(candidate, name)))
    ) {
      folder = candidate;
      break;
    }
    if (dirname(at) === at) break;
  }
  return {
    folder,
    workflows: join(folder, 'workflows'),
    components: join(folder, 'components'),
    links: readLinks(configPath(folder)),
  };
}

const configPath = (folder: string): string => join(folder, 'config.json');

function readLinks(path: string): Record<string, Link> {
  const { links = {} } = readObject(path) ?? {};
  const wrong = usage(
    'invalid_config',
    `${path}: links must be an object of {"url": "https://…", "app": "…"} by name`,
  );
  if (typeof links !== 'object' || links === null) throw wrong;
  return Object.fromEntries(
    Object.entries(links).map(([name, link]: [string, unknown]) => {
      if (typeof link !== 'object' || link === null) throw wrong;
      const { url, app } = link as Record<string, unknown>;
      if (typeof url !== 'string' || (app !== undefined && typeof app !== 'string')) throw wrong;
      return [name, { url, ...(app === undefined ? {} : { app }) }];
    }),
  );
}

export function writeLink({ folder, links }: Project, name: string, link: Link): string {
  const path = configPath(folder);
  writeObject(path, { ...readObject(path), links: { ...links, [name]: link } });
  return path;
}

export interface LinkOptions {
  link?: string | undefined;
  url?: string | undefined;
  app?: string | undefined;
  apiKey?: string | undefined;
}

/** Where a command sends its requests. */
export interface Target {
  /** The name of the link, or the address if it has none. */
  name: string;
  url: string;
  app: string | undefined;
  apiKey: string | undefined;
}

/** Flags come first, then the named link, the environment, and the link `default`. */
export function findTarget(project: Project, options: LinkOptions, env: Env): Target {
  const named = options.link ?? (env.STEPBASE_LINK || undefined);
  const isByUrl = options.url !== undefined || (named === undefined && Boolean(env.STEPBASE_URL));
  const link = isByUrl ? undefined : linkOf(project, named);
  const url = addressOf(options.url ?? link?.url ?? env.STEPBASE_URL ?? '');
  const app = options.app ?? link?.app ?? (env.STEPBASE_APP || undefined);
  const apiKey =
    options.apiKey ?? (env.STEPBASE_API_KEY || undefined) ?? readKey(env, { url, app });
  return { name: isByUrl ? url : (named ?? DEFAULT_LINK), url, app, apiKey };
}

function linkOf({ links }: Project, named: string | undefined): Link {
  const link = Object.hasOwn(links, named ?? DEFAULT_LINK)
    ? links[named ?? DEFAULT_LINK]
    : undefined;
  if (link !== undefined) return link;
  const names = Object.keys(links).join(', ');
  if (named !== undefined) {
    const known = names === '' ? 'config.json has no link' : `The links are: ${names}`;
    throw usage('unknown_link', `There is no link ${named}`, `${known}. See \`stepbase link\`.`);
  }
  throw usage(
    'not_linked',
    'The folder is not linked to a project',
    names === ''
      ? 'Run `stepbase link --url https://<project>.supabase.co`, or set STEPBASE_URL.'
      : `Choose a link with --link: ${names}.`,
  );
}

/** An address without a slash at its end. */
export function addressOf(text: string): string {
  const isAddress = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (isAddress) return text.replace(/\/+$/, '');
  throw usage('invalid_url', `${JSON.stringify(text)} is not an address of http or https`);
}
