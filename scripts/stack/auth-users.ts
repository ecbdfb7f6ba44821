// The users of Supabase Auth as rows of schema auth, for their administration.

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { z } from 'zod';
import { durationSeconds } from './duration.ts';

/** A refusal with the status and code of Supabase Auth. */
export class AdminRefusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const record = z.record(z.string(), z.unknown()).nullish();

/** The attributes that an administrator sets. */
export const changes = z.object({
  id: z.uuid().nullish(),
  role: z.string().nullish(),
  email: z.email().nullish(),
  phone: z.string().nullish(),
  password: z.string().nullish(),
  password_hash: z
    .string()
    .regex(/^\$2[aby]\$/, 'must be a bcrypt hash')
    .nullish(),
  email_confirm: z.boolean().nullish(),
  phone_confirm: z.boolean().nullish(),
  user_metadata: record,
  app_metadata: record,
  ban_duration: z.string().nullish(),
});

export type UserChanges = z.output<typeof changes>;
export type User = Record<string, unknown>;

/** The seconds of a ban; `none` ends one. */
export function banSeconds(duration: string): number {
  if (duration === 'none') return 0;
  try {
    return durationSeconds(duration);
  } catch {
    const message = `invalid format for ban duration: time: invalid duration "${duration}"`;
    throw new AdminRefusal(400, 'validation_failed', message);
  }
}

const SHAPE = `
  jsonb_strip_nulls(jsonb_build_object(
    'id', u.id, 'aud', u.aud, 'role', u.role, 'email', coalesce(u.email, ''),
    'phone', coalesce(u.phone, ''), 'email_confirmed_at', u.email_confirmed_at,
    'phone_confirmed_at', u.phone_confirmed_at, 'confirmed_at', u.confirmed_at, 'invited_at', u.invited_at,
    'confirmation_sent_at', u.confirmation_sent_at, 'recovery_sent_at', u.recovery_sent_at,
    'last_sign_in_at', u.last_sign_in_at, 'created_at', u.created_at, 'updated_at', u.updated_at,
    'banned_until', u.banned_until, 'deleted_at', u.deleted_at, 'is_anonymous', u.is_anonymous
  )) || jsonb_build_object(
    'app_metadata', coalesce(u.raw_app_meta_data, '{}'), 'user_metadata', coalesce(u.raw_user_meta_data, '{}'),
    'identities', coalesce((
      select jsonb_agg(jsonb_build_object(
        'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'identity_data', i.identity_data,
        'provider', i.provider, 'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
        'updated_at', i.updated_at, 'email', i.identity_data ->> 'email'
      ) order by i.created_at) from auth.identities i where i.user_id = u.id
    ), '[]')
  ) as "user"`;

export class AuthUsers {
  readonly #pool: pg.Pool;
  readonly #minimumPasswordLength: number;

  constructor(pool: pg.Pool, minimumPasswordLength: number) {
    this.#pool = pool;
    this.#minimumPasswordLength = minimumPasswordLength;
  }

  async get(id: string): Promise<User> {
    const [user] = await this.#read('u.id = $1', [id]);
    if (!user) throw new AdminRefusal(404, 'user_not_found', 'User not found');
    return user;
  }

  async find(email: string): Promise<User | undefined> {
    const [user] = await this.#read('u.email = lower($1)', [email]);
    return user;
  }

  async list(page: number, size: number): Promise<{ users: User[]; total: number }> {
    const users = await this.#read(
      'true order by u.created_at desc, u.id limit $1 offset ($2::bigint - 1) * $1',
      [size, page],
    );
    const { rows } = await this.#pool.query<{ total: number }>(
      'select count(*)::int as total from auth.users',
    );
    return { users, total: rows[0]?.total ?? 0 };
  }

  async #read(where: string, values: unknown[]): Promise<User[]> {
    const { rows } = await this.#pool.query<{ user: User }>(
      `select ${SHAPE} from auth.users u where ${where}`,
      values,
    );
    return rows.map(({ user }) => user);
  }

  emailExists(): AdminRefusal {
    const message = 'A user with this email address has already been registered';
    return new AdminRefusal(422, 'email_exists', message);
  }

  async create(wanted: UserChanges): Promise<User> {
    if (!wanted.email && !wanted.phone) {
      const message = 'Cannot create a user without either an email or phone';
      throw new AdminRefusal(400, 'validation_failed', message);
    }
    const id = wanted.id ?? randomUUID();
    const providers = [...(wanted.email ? ['email'] : []), ...(wanted.phone ? ['phone'] : [])];
    await this.#inTransaction(async (client) => {
      const verified = wanted.email_confirm ? { email_verified: true } : {};
      await client.query(
        `insert into auth.users (id, aud, role, email, phone, encrypted_password, raw_user_meta_data, raw_app_meta_data)
         values ($1, 'authenticated', 'authenticated', lower($2), $3, '', $4, $5)`,
        [
          id,
          wanted.email ?? null,
          wanted.phone ?? null,
          { ...wanted.user_metadata, ...verified },
          { provider: providers[0], providers },
        ],
      );
      for (const provider of providers) {
        await client.query(
          `insert into auth.identities (id, provider, provider_id, user_id, identity_data)
           values (gen_random_uuid(), $1, $2::text, ($2::text)::uuid, $3)`,
          [
            provider,
            id,
            {
              sub: id,
              ...(provider === 'email'
                ? { email: wanted.email?.toLowerCase() }
                : { phone: wanted.phone }),
              email_verified: false,
              phone_verified: false,
            },
          ],
        );
      }
      const password =
        wanted.password || (wanted.password_hash ? undefined : randomBytes(32).toString('hex'));
      const { email: _email, phone: _phone, user_metadata: _data, ...rest } = wanted;
      await this.#apply(client, id, { ...rest, password });
    });
    return await this.get(id);
  }

  async update(id: string, wanted: UserChanges): Promise<User> {
    await this.#inTransaction((client) => this.#apply(client, id, wanted));
    return await this.get(id);
  }

  async #apply(client: pg.PoolClient, id: string, wanted: UserChanges): Promise<void> {
    const { password } = wanted;
    if (password && password.length < this.#minimumPasswordLength) {
      const message = `Password should be at least ${this.#minimumPasswordLength} characters.`;
      throw new AdminRefusal(422, 'weak_password', message);
    }
    if (password && Buffer.byteLength(password) > 72) {
      const message = 'Password cannot be longer than 72 characters';
      throw new AdminRefusal(400, 'validation_failed', message);
    }
    const sets: string[] = [];
    const values: unknown[] = [id];
    const set = (sql: (parameter: string) => string, value: unknown) =>
      sets.push(sql(`$${values.push(value)}`));
    if (wanted.role) set((to) => `role = ${to}`, wanted.role);
    if (wanted.email) set((to) => `email = lower(${to})`, wanted.email);
    if (wanted.phone) set((to) => `phone = ${to}`, wanted.phone);
    if (password) {
      set(
        (to) => `encrypted_password = extensions.crypt(${to}, extensions.gen_salt('bf', 10))`,
        password,
      );
    } else if (wanted.password_hash) {
      set((to) => `encrypted_password = ${to}`, wanted.password_hash);
    }
    if (wanted.email_confirm) {
      sets.push(
        'email_confirmed_at = coalesce(email_confirmed_at, now())',
        'confirmation_token = null',
      );
    }
    if (wanted.phone_confirm) {
      sets.push('phone_confirmed_at = coalesce(phone_confirmed_at, now())');
    }
    // A null removes the key; other keys stay.
    for (const [column, data] of [
      ['raw_app_meta_data', wanted.app_metadata],
      ['raw_user_meta_data', wanted.user_metadata],
    ] as const) {
      if (!data) continue;
      const given = Object.entries(data);
      const gone = given.filter(([, value]) => value === null).map(([key]) => key);
      const kept = Object.fromEntries(given.filter(([, value]) => value !== null));
      const [add, remove] = [values.push(JSON.stringify(kept)), values.push(gone)];
      sets.push(`${column} = (coalesce(${column}, '{}') || $${add}::jsonb) - $${remove}::text[]`);
    }
    if (wanted.ban_duration) {
      const seconds = banSeconds(wanted.ban_duration);
      if (seconds === 0) sets.push('banned_until = null');
      else set((to) => `banned_until = now() + make_interval(secs => ${to})`, seconds);
    }
    if (sets.length === 0) return;
    await client.query(
      `update auth.users set ${sets.join(', ')}, updated_at = now() where id = $1`,
      values,
    );
    if (!wanted.email) return;
    await client.query(
      `update auth.identities set identity_data = identity_data || jsonb_build_object('email', lower($2::text)), updated_at = now()
       where user_id = $1 and provider = 'email'`,
      [id, wanted.email],
    );
  }

  /** Stores the hash of a token that signs the user in. */
  async remember(id: string, purpose: 'confirmation' | 'recovery', hash: string): Promise<User> {
    await this.#pool.query(
      `update auth.users set ${purpose}_token = $2, ${purpose}_sent_at = now(), updated_at = now() where id = $1`,
      [id, hash],
    );
    return await this.get(id);
  }

  async markInvited(id: string): Promise<void> {
    await this.#pool.query('update auth.users set invited_at = now() where id = $1', [id]);
  }

  async delete(id: string): Promise<void> {
    await this.#inTransaction(async (client) => {
      await endSessions(client, id);
      await client.query('delete from auth.identities where user_id = $1', [id]);
      await client.query('delete from auth.users where id = $1', [id]);
    });
  }

  /** Keeps the row and the id; the personal data becomes hashes, as in Supabase Auth. */
  async softDelete(id: string): Promise<void> {
    const user = await this.get(id);
    if (user.deleted_at) return;
    const hashed = (text: unknown) =>
      createHash('sha256')
        .update(`${id}${String(text)}`)
        .digest('base64url');
    await this.#inTransaction(async (client) => {
      await endSessions(client, id);
      await client.query(
        `update auth.users set
           email = $2, phone = $3, encrypted_password = '', email_change = '', phone_change = '',
           confirmation_token = null, recovery_token = null, email_change_token_current = null,
           email_change_token_new = null, phone_change_token = null, reauthentication_token = null,
           raw_app_meta_data = '{}', raw_user_meta_data = '{}', deleted_at = now(), updated_at = now()
         where id = $1`,
        [id, hashed(user.email), user.phone ? hashed(user.phone) : null],
      );
      await client.query(
        `update auth.identities set provider_id = $2, identity_data = '{}', updated_at = now() where user_id = $1`,
        [id, hashed(id)],
      );
    });
  }

  async #inTransaction(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query('begin');
      await work(client);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      if (!(error instanceof pg.DatabaseError) || error.code !== '23505') throw error;
      if (error.constraint === 'users_email_partial_key') throw this.emailExists();
      const message = `Another user has the same ${/phone/.test(error.constraint ?? '') ? 'phone' : 'id'}`;
      throw new AdminRefusal(422, 'user_already_exists', message);
    } finally {
      client.release();
    }
  }
}

async function endSessions(client: pg.PoolClient, id: string): Promise<void> {
  await client.query('delete from auth.refresh_tokens where user_id = $1', [id]);
  await client.query('delete from auth.sessions where user_id = $1', [id]);
}
