// Every workflow example of the documentation can be saved and published unchanged.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepHandlers } from '../../functions/worker/steps/index.ts';
import { pool, type StackClient, signedIn } from '../support/stack.ts';
import { examples } from './docs-examples.ts';
import { pages, read } from './docs-pages.ts';

const names: string[] = [];
const db = pool();
let developer: StackClient;
beforeAll(async () => {
  developer = await signedIn('developer@acme');
  // The pages of the examples create them.
  await db.query(
    `insert into stepbase.agent_prompts (app_code, name, prompt_content, prompt_variables)
     values ('acme', 'ticket-triage', '{{ text }}', '{"text": {"type": "string"}}') on conflict do nothing`,
  );
  await db.query(
    `insert into stepbase.components (app_code, name, implementation_type, endpoint)
     values ('acme', 'render-invoice', 'service_task', 'https://render.example') on conflict do nothing`,
  );
});
afterAll(() =>
  db.query('update stepbase.workflows set deleted_at = now() where kebab_name = any($1)', [names]),
);

describe('the documentation', () => {
  const guides = pages
    .filter((page) => page.startsWith('docs/guides/'))
    .map(read)
    .join('\n');

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(20);
  });

  it.each([...stepHandlers.keys()])('has an example of the step type %s in a guide', (type) => {
    expect(guides).toContain(`\`${type}\``);
    const types = examples.flatMap(({ definition }) => definition.nodes.map((node) => node.type));
    expect(types).toContain(type);
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
