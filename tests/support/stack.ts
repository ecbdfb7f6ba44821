// The test support around the shared stack: its addresses, clients signed in as users of the seed, a database
// pool, fresh databases, and bounded waits.

import { readFileSync } from 'node:fs';
import pg from 'pg';
import { createStackClient, type StackClient } from '../../scripts/stack/client.ts';
import {
  createDatabase,
  type FreshDatabase,
  type FreshDatabaseOptions,
} from '../../scripts/stack/databases.ts';
import { SEED_USERS, type SeedUser } from '../../scripts/stack/seed-users.ts';
import type { StackInfo } from '../../scripts/stack/stack.ts';
import { atFileEnd } from './file-end.ts';
import { scaled } from './time.ts';

export type { FreshDatabase, StackClient, StackInfo };

export function stackInfo(): StackInfo {
  const path = process.env.STEPBASE_TEST_STACK;
  if (!path) throw new Error('STEPBASE_TEST_STACK is not set: run the tests through vitest');
  return JSON.parse(readFileSync(path, 'utf8')) as StackInfo;
}

/** A client without a user, with the publishable key or another key. */
export function client(stack = stackInfo(), key = stack.publishable_key): StackClient {
  const made = createStackClient(
    stack,
    { auth: { persistSession: false, autoRefreshToken: false } },
    key,
  );
  atFileEnd(() => made.realtime.disconnect());
  return made;
}

export type Person = `${'admin' | 'developer' | 'viewer'}@acme` | `${'admin' | 'developer'}@globex`;

export function seedUser(person: Person): SeedUser {
  const user = SEED_USERS.find(({ email }) => email === `${person}.example`);
  if (!user) throw new Error(`the seed has no user ${person}`);
  return user;
}

/** A new client, signed in and ready to join private channels. */
export async function signedIn(person: Person, stack = stackInfo()): Promise<StackClient> {
  const made = client(stack);
  const { email, password } = seedUser(person);
  const { error } = await made.auth.signInWithPassword({ email, password });
  if (error) throw error;
  await made.realtime.setAuth();
  return made;
}

/** A pool as role postgres on the stack's database, or on another one. */
export function pool(url = stackInfo().db_url): pg.Pool {
  const made = new pg.Pool({ connectionString: url, max: 5, connectionTimeoutMillis: 10_000 });
  made.on('error', () => undefined);
  atFileEnd(() => made.end());
  return made;
}

/** A migrated database for this test file; it is dropped after the file. */
export async function freshDatabase(options: FreshDatabaseOptions = {}): Promise<FreshDatabase> {
  const database = await createDatabase(stackInfo(), options);
  atFileEnd(() => database.drop());
  return database;
}

/** Polls until the answer is neither undefined nor false; rejects at the deadline with `what`. */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 15_000,
): Promise<T> {
  const limitMs = scaled(deadlineMs);
  const end = Date.now() + limitMs;
  let pause = 10;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() >= end) throw new Error(`${what}: not true after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.5, 200);
  }
}

export interface Inbox<T> {
  /** All events so far. */
  all: readonly T[];
  push(event: T): void;
  /** The first matching event, past or future; rejects at the deadline with all events so far. */
  next(what: string, matches: (event: T) => boolean, deadlineMs?: number): Promise<T>;
}

/** Collects events (Realtime messages, lines, requests) and waits for one without polling. */
export function inbox<T>(): Inbox<T> {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  return {
    all,
    push(event) {
      all.push(event);
      for (const check of [...waiting]) check();
    },
    next(what, matches, deadlineMs = 15_000) {
      const limitMs = scaled(deadlineMs);
      return new Promise<T>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          const seen = JSON.stringify(all).slice(0, 2_000);
          reject(new Error(`${what}: no event within ${limitMs} ms; received: ${seen}`));
        }, limitMs);
        const check = () => {
          const found = all.find(matches);
          if (found === undefined) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      });
    },
  };
}
