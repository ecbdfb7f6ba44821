// What docs/workflows.md shows can be saved and published as it stands there.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepHandlers } from '../../functions/_shared/steps/index.ts';
import { pool, type StackClient, signedIn } from '../support/stack.ts';
import { examples, page } from './docs-examples.ts';

const names: string[] = [];
const db = pool();
let developer: StackClient;
beforeAll(async () => {
  developer = await signedIn('developer@acme');
});
afterAll(() =>
  db.query('update stepbase.workflows set deleted_at = now() where kebab_name = any($1)', [names]),
);

describe('docs/workflows.md', () => {
  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(10);
  });

  it.each([...stepHandlers.keys()])('names the step type %s', (type) => {
    expect(page).toMatch(new RegExp(`^### .*\\b${type}\\b|\\\`${type}\\\``, 'm'));
  });

  it.each(examples)('$name: the example is published', async ({ definition }) => {
    const kebab_name = `docs-${randomUUID()}`;
    names.push(kebab_name);
    const saved = await developer
      .rpc('save_workflow', { kebab_name, definition })
      .single<{ id: string }>();
    expect(saved.error).toBeNull();
    const published = await developer.rpc('publish_workflow', {
      workflow_version_id: saved.data?.id,
    });
    expect(published.error).toBeNull();
  });
});
