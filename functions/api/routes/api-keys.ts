// Keys of machines: list, create, rename, rotate, revoke, adopt.
import { z } from 'zod';
import { Time } from '../components.ts';
import { found, readRow, updateRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { adoptApiKey, createApiKey, revokeApiKey, rotateApiKey } from '../machine-queries.ts';
import { type Resource, statement } from '../operation.ts';
import { columnNames, named, row } from '../rows.ts';

export const ApiKeyBody = z.strictObject({
  name: z.string().min(1).max(255),
  scopes: z
    .array(z.string())
    .optional()
    .describe('Permissions of the key; default: all that the caller has.'),
  expires_at: Time.optional(),
  service_account_id: z
    .uuid()
    .optional()
    .describe(
      'The service account that owns the key; default: the caller. The secret key of the project must name one.',
    ),
});
export const RotateKeyBody = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(86_400)
    .describe('How long the replaced key stays valid. 0 ends it at once.'),
});
export const AdoptBody = z.strictObject({
  service_account_id: z
    .uuid()
    .optional()
    .describe('The service account that owns the key from now on; default: the caller.'),
});
export const RenameKeyBody = z.strictObject({ name: z.string().min(1).max(255) });
const ApiKey = row('api_keys', 'ApiKey');
const AS_KEY = { description: 'the key without its secret', schema: ApiKey };
const KEYS: ListSpec = {
  table: 'api_keys',
  columns: columnNames('api_keys'),
  sorts: ['-created_at'],
  filters: {
    owner_id: equal('api_keys', 'owner_id'),
    service_account_id: equal('api_keys', 'service_account_id'),
  },
};
const NewKey = named('NewApiKey', () =>
  z.object({
    id: z.uuid(),
    key: z.string().describe('The key (`sbk_…`). It is returned only here.'),
    prefix: z.string(),
    name: z.string(),
    scopes: z.array(z.string()),
    expires_at: z.string().nullable(),
    created_at: z.string(),
  }),
);

const RotatedKey = named('RotatedApiKey', () =>
  z.object({
    id: z.uuid(),
    key: z.string().describe('The new key (`sbk_…`). It is returned only here.'),
    prefix: z.string(),
    overlap_ends_at: z.string().nullable().describe('Until when the replaced key is valid, too.'),
    expires_at: z.string().nullable(),
  }),
);

export const API_KEY_RESOURCE: Resource = {
  name: 'API keys',
  description: 'Keys of machines.',
  operations: [
    statement(
      {
        id: 'listApiKeys',
        method: 'GET',
        path: '/v1/api-keys',
        title: 'List API keys',
        permission: 'key:read',
        description: 'Lists the keys of the application, the newest first, without their secrets.',
        query: listQuery(KEYS),
        replies: { 200: { description: 'one page', schema: pageOf('ApiKeyPage', ApiKey) } },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, KEYS, call.query) }),
    ),
    statement(
      {
        id: 'createApiKey',
        method: 'POST',
        path: '/v1/api-keys',
        title: 'Create an API key',
        permission: 'key:manage',
        description:
          'Creates a key, which acts for the caller or for a service account. The answer is the only one with the key.',
        body: ApiKeyBody,
        idempotency: 'secret',
        replies: { 201: { description: '`{id, key, prefix, name, scopes, …}`', schema: NewKey } },
        errors: ['not_found', 'conflict'],
      },
      async (query, { body }) => ({ body: await createApiKey(query, body) }),
    ),
    statement(
      {
        id: 'getApiKey',
        method: 'GET',
        path: '/v1/api-keys/:api_key_id',
        title: 'Read an API key',
        permission: 'key:read',
        description: 'Returns the key without its secret.',
        replies: { 200: AS_KEY },
        errors: ['not_found'],
      },
      async (query, { params }) => ({
        body: found('API key', await readRow(query, KEYS, params.api_key_id ?? '')),
      }),
    ),
    statement(
      {
        id: 'renameApiKey',
        method: 'PATCH',
        path: '/v1/api-keys/:api_key_id',
        title: 'Rename an API key',
        permission: 'key:manage',
        description: 'Changes the name of the key.',
        body: RenameKeyBody,
        replies: { 200: AS_KEY },
        errors: ['not_found'],
      },
      async (query, { params, body }) => ({
        body: found('API key', await updateRow(query, KEYS, params.api_key_id ?? '', body)),
      }),
    ),
    statement(
      {
        id: 'rotateApiKey',
        method: 'POST',
        path: '/v1/api-keys/:api_key_id/rotate',
        title: 'Rotate an API key',
        permission: 'key:manage',
        description:
          'Replaces the key by a new one with the same id, owner and scopes. The caller needs each of the scopes. Until the overlap of the last rotation ends, another one with an overlap is a `conflict`.',
        body: RotateKeyBody,
        idempotency: 'secret',
        replies: {
          200: {
            description: '`{id, key, prefix, overlap_ends_at, expires_at}`',
            schema: RotatedKey,
          },
        },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: await rotateApiKey(query, params.api_key_id ?? '', body.overlap_seconds),
      }),
    ),
    statement(
      {
        id: 'revokeApiKey',
        method: 'POST',
        path: '/v1/api-keys/:api_key_id/revoke',
        title: 'Revoke an API key',
        permission: 'key:manage',
        description: 'Revokes the key at once. Repeated calls have no further effect.',
        replies: { 200: AS_KEY },
        errors: ['not_found'],
      },
      async (query, { params: { api_key_id: id = '' } }) => {
        await revokeApiKey(query, id);
        return { body: found('API key', await readRow(query, KEYS, id)) };
      },
    ),
    statement(
      {
        id: 'adoptApiKey',
        method: 'POST',
        path: '/v1/api-keys/:api_key_id/adopt',
        title: 'Adopt an API key',
        permission: 'key:manage',
        description:
          'Makes the caller, or a service account, the owner of the key, for example after its owner has left. Machines must name a service account. The caller needs each permission of its role.',
        body: AdoptBody,
        replies: { 200: AS_KEY },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params: { api_key_id: id = '' }, body }) => {
        await adoptApiKey(query, id, body.service_account_id);
        return { body: found('API key', await readRow(query, KEYS, id)) };
      },
    ),
  ],
};
