// secrets and keys of the application.
import type { Command } from 'commander';
import type { SecretVersion } from '../../../sdk/src/index.ts';
import type { Context, Result } from '../context.ts';
import { usage } from '../errors.ts';
import { ask, readAll } from '../input.ts';
import { table, timeText } from '../output.ts';
import type { Act } from '../program.ts';
import { segment } from '../server.ts';
import { wholeNumber } from './runs.ts';

const collected = (text: string, before: string[] = []): string[] => [...before, text];

export function addAdminCommands(program: Command, act: Act): void {
  addSecrets(program.command('secrets').summary('list and change secrets'), act);
  addKeys(program.command('keys').summary('list and change API keys'), act);
}

function addSecrets(group: Command, act: Act): void {
  group.command('list', { isDefault: true }).summary('list the secrets').action(act(listSecrets));
  group
    .command('set')
    .summary('store a new version of a secret')
    .description('Stores a new version. The value comes from standard input, or from a prompt.')
    .argument('<name>', 'the name of the secret')
    .option('--host <host>', 'a host that may receive it; can be repeated', collected)
    .action(
      act((context, name: string, { host }: { host?: string[] }) => setSecret(context, name, host)),
    );
  group
    .command('rollback')
    .summary('use an earlier version of a secret again')
    .argument('<name>', 'the name of the secret')
    .argument('<version>', 'the version', wholeNumber)
    .action(
      act(async ({ stepbase }, name: string, version: number) =>
        secretResult(await stepbase.secrets.rollback(name, version)),
      ),
    );
  group
    .command('delete')
    .summary('delete a secret')
    .argument('<name>', 'the name of the secret')
    .action(
      act(async ({ stepbase }, name: string) => {
        await stepbase.secrets.delete(name);
        return { data: { name, deleted: true }, lines: [`${name}  deleted`] };
      }),
    );
}

async function listSecrets({ stepbase }: Context): Promise<Result> {
  const rows = await stepbase.secrets.list();
  return {
    data: rows,
    lines: table(
      ['NAME', 'VERSION', 'HOSTS', 'WORKFLOWS', 'CHANGED'],
      rows.map((row) => [
        row.name,
        row.version ?? row.source,
        row.allowed_hosts?.join(',') ?? '*',
        row.workflows.join(','),
        timeText(row.updated_at),
      ]),
      'There are no secrets.',
    ),
  };
}

async function setSecret(
  { stepbase, stdin, out }: Context,
  name: string,
  hosts: string[] | undefined,
): Promise<Result> {
  const given = stdin.isTTY === true ? await ask(`Value of ${name}: `, out) : await readAll(stdin);
  // `echo value | stepbase secrets set` adds the line break.
  const value = given.replace(/\r?\n$/, '');
  if (value === '') throw usage('no_value', 'The value is empty');
  return secretResult(await stepbase.secrets.set(name, value, { allowedHosts: hosts }));
}

const secretResult = (one: SecretVersion): Result => ({
  data: one,
  lines: [`${one.name}  version ${one.version}`],
});

interface KeyRow {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  expires_at: string | null;
  revoked_at?: string | null;
  last_used_at?: string | null;
}

function addKeys(group: Command, act: Act): void {
  group.command('list', { isDefault: true }).summary('list the keys').action(act(listKeys));
  group
    .command('create')
    .summary('create a key; it is shown this once')
    .argument('<name>', 'what the key is for')
    .option('--scope <permission>', 'a permission of the key; can be repeated', collected)
    .option('--expires <time>', 'when it ends')
    .option('--service-account <id>', 'the service account that owns it; default: the caller')
    .action(act((context, name: string, options: KeyOptions) => createKey(context, name, options)));
  group
    .command('rotate')
    .summary('replace a key; the new one is shown this once')
    .argument('<key>', 'the id of the key')
    .option('--overlap <seconds>', 'how long the old key stays valid; default: a day', wholeNumber)
    .action(
      act(async ({ server }, id: string, { overlap }: { overlap?: number }) => {
        const path = `/v1/api-keys/${segment(id)}/rotate`;
        const { body } = await server.post<KeyRow & { key: string }>(path, {
          overlap_seconds: overlap,
        });
        return { data: body, lines: [body.key] };
      }),
    );
  group
    .command('revoke')
    .summary('end a key at once')
    .argument('<key>', 'the id of the key')
    .action(
      act(async ({ server }, id: string) => {
        const { body } = await server.post<KeyRow>(`/v1/api-keys/${segment(id)}/revoke`, {});
        return { data: body, lines: [`${body.name}  revoked`] };
      }),
    );
}

async function listKeys({ server }: Context): Promise<Result> {
  const rows = await server.list<KeyRow>('/v1/api-keys');
  return {
    data: rows,
    lines: table(
      ['KEY', 'NAME', 'PREFIX', 'SCOPES', 'EXPIRES', 'REVOKED', 'LAST USE'],
      rows.map((row) => [
        row.id,
        row.name,
        row.prefix,
        row.scopes.join(','),
        timeText(row.expires_at),
        timeText(row.revoked_at),
        timeText(row.last_used_at),
      ]),
      'There are no API keys.',
    ),
  };
}

interface KeyOptions {
  scope?: string[];
  expires?: string;
  serviceAccount?: string;
}

async function createKey(
  { server, target }: Context,
  name: string,
  { scope, expires, serviceAccount }: KeyOptions,
): Promise<Result> {
  const isOwned = serviceAccount !== undefined || target.apiKey?.startsWith('sb_secret_') !== true;
  if (!isOwned) {
    throw usage(
      'no_owner',
      'The secret key of the project cannot own an API key',
      'Add --service-account ID, log in with an API key, or create the key in the web client.',
    );
  }
  const { body } = await server.post<KeyRow & { key: string }>('/v1/api-keys', {
    name,
    scopes: scope,
    expires_at: expires,
    service_account_id: serviceAccount,
  });
  return { data: body, lines: [body.key] };
}
