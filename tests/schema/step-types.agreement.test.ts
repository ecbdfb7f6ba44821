// The zod schema of a step type accepts a config exactly if both JSON Schema validators accept it, and the row of
// each step type equals its descriptor.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { validateJson } from '../../functions/_shared/expressions/index.ts';
import { refinementScope } from '../../functions/_shared/step-types/config.ts';
import { type StepType, stepTypes } from '../../functions/_shared/step-types/index.ts';
import { pool } from '../support/stack.ts';
import { configsLike, type JsonSchema } from './configs.ts';

const db = pool();
const BATCH = 50;
const RUNS = 12;

/** Whether an issue is more than a check that is declared to hold only at run time. */
function isSeenByJsonSchema(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'custom') return refinementScope(issue.params) !== 'run time';
  if (issue.code === 'invalid_union') {
    return issue.errors.every((branch) => branch.some(isSeenByJsonSchema));
  }
  return true;
}

/** Undefined if only a run-time check refuses the config, which JSON Schema does not cover. */
function zodAccepts(type: StepType, config: unknown): boolean | undefined {
  const { success, error } = type.config.safeParse(config);
  if (success) return true;
  return error.issues.some(isSeenByJsonSchema) ? false : undefined;
}

async function sqlAccepts(type: StepType, configs: unknown[]): Promise<boolean[]> {
  const { rows } = await db.query<{ accepts: boolean }>(
    `select stepbase_private.json_schema_errors(t.config_schema, c.config) = '[]' as accepts
     from stepbase.step_types t, jsonb_array_elements($2) with ordinality as c (config, place)
     where t.name = $1 order by c.place`,
    [type.name, JSON.stringify(configs)],
  );
  return rows.map(({ accepts }) => accepts);
}

async function storedSchema(type: StepType): Promise<JsonSchema> {
  const { rows } = await db.query<{ config_schema: JsonSchema }>(
    'select config_schema from stepbase.step_types where name = $1',
    [type.name],
  );
  if (!rows[0]) throw new Error(`the database has no step type ${type.name}`);
  return rows[0].config_schema;
}

describe('config schemas', () => {
  test.each(stepTypes)('$name: zod, SQL and TypeScript accept the same configs', async (type) => {
    const schema = await storedSchema(type);
    const seen = { accepted: 0, refused: 0 };
    const batches = fc.array(configsLike(schema), { minLength: BATCH, maxLength: BATCH });
    await fc.assert(
      fc.asyncProperty(batches, async (configs) => {
        const inSql = await sqlAccepts(type, configs);
        for (const [i, config] of configs.entries()) {
          const inZod = zodAccepts(type, config);
          const inTypeScript = (await validateJson(schema, config)).length === 0;
          const told = JSON.stringify(config).slice(0, 500);
          expect({ told, inSql: inSql[i] }).toEqual({ told, inSql: inTypeScript });
          // zod refuses what JSON Schema refuses; JSON Schema refuses what zod refuses, except for run-time checks.
          const expected = inTypeScript ? [true, undefined] : [false, undefined];
          expect(expected, `zod: ${inZod}, JSON Schema: ${inTypeScript} for ${told}`).toContain(
            inZod,
          );
          if (inZod !== undefined) seen[inZod ? 'accepted' : 'refused'] += 1;
        }
      }),
      { numRuns: RUNS },
    );
    expect(seen.accepted).toBeGreaterThan(BATCH);
    expect(seen.refused).toBeGreaterThan(BATCH);
  });
});

test('the row of every step type equals its descriptor', async () => {
  const { rows } = await db.query<Record<string, unknown>>(
    `select name, label, description, icon, color, ordinal, category, raw_keys, handles, default_timeout_ms,
       deadline_keys, wait_kind, is_task, is_component, is_activity, is_pure, is_brief, may_use_secrets,
       has_retryable_errors, allowed_in_for_each, allowed_in_compensation
     from stepbase.step_types order by ordinal`,
  );
  // Only the worker encodes values for URLs, so the table does not say in which keys.
  const stated = stepTypes.map(({ config: _, urlKeys: __, ...type }, at) => ({
    ...Object.fromEntries(
      Object.entries(type).map(([field, value]) => [
        field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value,
      ]),
    ),
    handles: type.handles === 'any' ? null : type.handles,
    ordinal: at + 1,
  }));
  expect(rows).toEqual(stated);
});
