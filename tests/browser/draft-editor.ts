// The editor of a new draft with one step, with a clock that the test can move.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { type TestApp, value } from '../engine/support.ts';
import { openPage, pasteInto, signIn } from './support.ts';

export interface DraftEditor {
  page: Page;
  name: string;
  /** Writes the expression of the step. */
  write(expression: string): Promise<void>;
  /** Resolves when the editor shows that state of the draft. */
  is(save: string): Promise<void>;
  /** The versions with their expression, newest first. */
  versions(): Promise<[number, string, string][]>;
}

export async function openDraftEditor(b: TestApp): Promise<DraftEditor> {
  const name = `saves-${randomUUID().slice(0, 8)}`;
  const { error } = await b.developer.rpc('save_workflow', {
    kebab_name: name,
    definition: { nodes: [value('one', '1')], edges: [] },
  });
  expect(error).toBeNull();
  const page = await openPage();
  await page.clock.install();
  await signIn(page, 'developer@acme', `/workflows/${name}/edit`);
  await page.locator('[data-step="one"]').click();
  return {
    page,
    name,
    write: (expression) =>
      pasteInto(page.getByRole('textbox', { name: 'Expression', exact: true }), expression),
    is: (save) => page.locator(`[data-save="${save}"]`).waitFor(),
    versions: async () => {
      const { rows } = await b.db.query<{ row: [number, string, string] }>(
        `select jsonb_build_array(
           v.version, v.status, v.definition #>> '{nodes,0,data,config,expression}'
         ) as row
         from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id
         where w.app_code = 'acme' and w.kebab_name = $1 order by v.version desc`,
        [name],
      );
      return rows.map(({ row }) => row);
    },
  };
}
