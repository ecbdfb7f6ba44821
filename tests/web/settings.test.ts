// The settings of a build: the variables, their other names, and what is refused.

import { describe, expect, test } from 'vitest';
import { settingsFromBuild } from '../../web/src/shared/settings.ts';

const URL_OF_PROJECT = 'https://abcdefghij.supabase.co';

describe('the settings of a build', () => {
  test('are the address and the key', () => {
    expect(
      settingsFromBuild({
        VITE_SUPABASE_URL: `${URL_OF_PROJECT}/`,
        VITE_SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_x',
      }),
    ).toEqual({ api_url: URL_OF_PROJECT, publishable_key: 'sb_publishable_x' });
  });

  test('have other names', () => {
    for (const address of [URL_OF_PROJECT, `${URL_OF_PROJECT}/functions/v1/stepbase-api`]) {
      expect(
        settingsFromBuild({
          VITE_API_URL: address,
          VITE_WS_URL: 'wss://abcdefghij.supabase.co',
          VITE_SUPABASE_ANON_KEY: 'anon',
        }),
      ).toEqual({ api_url: URL_OF_PROJECT, publishable_key: 'anon' });
    }
  });

  test('prefer the first name', () => {
    expect(
      settingsFromBuild({
        VITE_SUPABASE_URL: URL_OF_PROJECT,
        VITE_API_URL: 'https://other.example',
        VITE_SUPABASE_PUBLISHABLE_KEY: 'own',
        VITE_SUPABASE_ANON_KEY: 'anon',
      }),
    ).toEqual({ api_url: URL_OF_PROJECT, publishable_key: 'own' });
  });

  test('need an address, a key, and Realtime on the same host', () => {
    const key = { VITE_SUPABASE_PUBLISHABLE_KEY: 'k' };
    expect(() => settingsFromBuild(key)).toThrow('VITE_SUPABASE_URL must be');
    expect(() => settingsFromBuild({ VITE_SUPABASE_URL: URL_OF_PROJECT })).toThrow(
      'VITE_SUPABASE_PUBLISHABLE_KEY must be',
    );
    expect(() =>
      settingsFromBuild({
        ...key,
        VITE_SUPABASE_URL: URL_OF_PROJECT,
        VITE_WS_URL: 'wss://other.example',
      }),
    ).toThrow('VITE_WS_URL must have');
  });
});
