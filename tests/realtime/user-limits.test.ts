// The limits of one user: joins per second and websockets, counted apart from those of others.

import { expect, test } from 'vitest';
import type { Identity } from '../../scripts/stack/realtime/identity.ts';
import { limits } from '../../scripts/stack/realtime/limits.ts';
import { UserLimits } from '../../scripts/stack/realtime/user-limits.ts';

const userOf = (sub?: string): Identity => ({
  token: 'x',
  role: 'authenticated',
  claims: sub === undefined ? {} : { sub },
  expiresAt: 0,
});

function attempt(users: UserLimits, user: Identity, connection: object): string {
  try {
    users.admit(user, connection);
    return 'admitted';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const count = <T>(values: readonly T[], value: T) => values.filter((one) => one === value).length;

test('a user has a number of joins in each second; others have their own', () => {
  let now = 10_000;
  const users = new UserLimits(() => now);
  const connection = {};
  const flood = () =>
    Array.from({ length: 3 * limits.joinsPerUserAndSecond }, () =>
      attempt(users, userOf('flood'), connection),
    );
  const first = flood();
  expect(count(first, 'admitted')).toBe(limits.joinsPerUserAndSecond);
  expect(count(first, 'ClientJoinRateLimitReached')).toBe(2 * limits.joinsPerUserAndSecond);
  expect(attempt(users, userOf('victim'), {})).toBe('admitted');
  now += 999;
  expect(count(flood(), 'admitted')).toBe(0);
  now += 1;
  expect(count(flood(), 'admitted')).toBe(limits.joinsPerUserAndSecond);
});

test('a user has a number of websockets; a closed one makes room', () => {
  let now = 0;
  const users = new UserLimits(() => {
    now += 1_000;
    return now;
  });
  const connections = Array.from({ length: limits.connectionsPerUser }, () => ({}));
  for (const connection of connections) {
    expect(attempt(users, userOf('a'), connection)).toBe('admitted');
  }
  expect(attempt(users, userOf('a'), connections[0] ?? {})).toBe('admitted');
  const another = {};
  expect(attempt(users, userOf('a'), another)).toBe('ConnectionRateLimitReached');
  expect(attempt(users, userOf('b'), another)).toBe('admitted');
  users.left(connections[3] ?? {});
  expect(attempt(users, userOf('a'), another)).toBe('admitted');
  expect(attempt(users, userOf('a'), {})).toBe('ConnectionRateLimitReached');
});

test('API keys have no user and no such limits', () => {
  const users = new UserLimits(() => 0);
  for (let index = 0; index < 3 * limits.joinsPerUserAndSecond; index += 1) {
    expect(attempt(users, userOf(), {})).toBe('admitted');
  }
});
