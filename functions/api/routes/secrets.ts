// Secrets of the application. No answer contains the value of one.
import { z } from 'zod';
import { deleteSecret, listSecrets, rollbackSecret, setSecret } from '../machine-queries.ts';
import { type Resource, statement } from '../operation.ts';
import { named } from '../rows.ts';

export const SecretBody = z.strictObject({
  value: z.string().min(1).max(65_536).describe('1 to 65,536 bytes. No answer returns it.'),
  allowed_hosts: z
    .array(z.string().min(1).max(300))
    .optional()
    .describe(
      'The hosts that may receive it (`host`, `host:port`, `*.domain`); default: those of the version in use. `["*"]` allows every host.',
    ),
});
export const RollbackBody = z.strictObject({
  version: z.number().int().min(1).max(2_147_483_647).describe('One of `versions` of the secret.'),
});

const params = { name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/) };

const version = () => z.number().int();
const hosts = () =>
  z.array(z.string()).nullable().describe('The hosts that may receive it; null: every host.');

const SecretList = named('SecretList', () =>
  z.object({
    items: z.array(
      z.object({
        name: z.string(),
        source: z
          .enum(['application', 'operator'])
          .describe(
            '`operator`: an entry of Vault. Of two with the same name, steps read `application`.',
          ),
        version: version().nullable().describe('The version in use; null for `operator`.'),
        versions: z
          .array(version())
          .describe('Versions that a rollback can use again, the newest first.'),
        allowed_hosts: hosts(),
        workflows: z.array(z.string()).describe('Published workflows that name the secret.'),
        created_at: z.string(),
        updated_at: z.string(),
      }),
    ),
  }),
);
const SecretVersion = named('SecretVersion', () =>
  z.object({ name: z.string(), version: version(), allowed_hosts: hosts() }),
);
const IN_USE = { description: '`{name, version, allowed_hosts}`', schema: SecretVersion };

export const SECRET_RESOURCE: Resource = {
  name: 'Secrets',
  description: 'Values that templates name as `{{ secrets.<name> }}`.',
  operations: [
    statement(
      {
        id: 'listSecrets',
        method: 'GET',
        path: '/v1/secrets',
        title: 'List secrets',
        permission: 'secret:read',
        description:
          'Lists all secrets of the application by name, without their values. Secrets in the environment of the worker are not listed.',
        replies: { 200: { description: 'all secrets', schema: SecretList } },
        errors: [],
      },
      async (query) => ({ body: { items: await listSecrets(query) } }),
    ),
    statement(
      {
        id: 'setSecret',
        method: 'PUT',
        path: '/v1/secrets/:name',
        title: 'Set a secret',
        permission: 'secret:manage',
        description:
          'Stores a new version of the secret. Steps that start from now on read it. `max_secrets` of the quotas limits the number of secrets.',
        params,
        body: SecretBody,
        replies: { 200: IN_USE },
        errors: [],
      },
      async (query, { params: { name = '' }, body }) => ({
        body: await setSecret(query, name, body),
      }),
    ),
    statement(
      {
        id: 'deleteSecret',
        method: 'DELETE',
        path: '/v1/secrets/:name',
        title: 'Delete a secret',
        permission: 'secret:manage',
        description:
          'Deletes the secret with all versions. An entry of Vault that an operator created stays.',
        params,
        replies: { 204: { description: 'no content' } },
        errors: ['not_found'],
      },
      async (query, { params: { name = '' } }) => {
        await deleteSecret(query, name);
        return {};
      },
    ),
    statement(
      {
        id: 'rollbackSecret',
        method: 'POST',
        path: '/v1/secrets/:name/rollback',
        title: 'Roll back a secret',
        permission: 'secret:manage',
        description: 'Uses an earlier version of the secret again, with its hosts.',
        params,
        body: RollbackBody,
        replies: { 200: IN_USE },
        errors: ['not_found'],
      },
      async (query, { params: { name = '' }, body }) => ({
        body: await rollbackSecret(query, name, body.version),
      }),
    ),
  ],
};
