// The database triggers that start runs of the application. Operators create them in SQL.
import { z } from 'zod';
import { JsonObject } from '../components.ts';
import { listDatabaseTriggers } from '../insight-queries.ts';
import { type Operation, statement } from '../operation.ts';
import { named } from '../rows.ts';

const DatabaseTriggers = named('DatabaseTriggers', () =>
  z.object({
    items: z.array(
      z.object({
        name: z.string(),
        table_name: z.string().nullable().describe('Null if the table was dropped.'),
        events: z.array(z.enum(['insert', 'update', 'delete'])),
        update_columns: z
          .array(z.string())
          .nullable()
          .describe('Only updates of these columns; null or empty: all updates.'),
        workflow: z.string().describe('The `kebab_name` of the workflow.'),
        filter: JsonObject.nullable(),
        mapping: JsonObject.describe('The input of a run: keys, and where their values come from.'),
        max_rows: z.number().int().describe('How many runs one statement starts.'),
        is_enabled: z.boolean().describe('False: paused, or the table was dropped.'),
        created_at: z.string(),
      }),
    ),
  }),
);

export const DATABASE_TRIGGERS: Operation = statement(
  {
    id: 'listDatabaseTriggers',
    method: 'GET',
    path: '/v1/database-triggers',
    title: 'List database triggers',
    permission: 'schedule:read',
    description:
      'Lists the [triggers on tables](../guides/database-triggers.md) whose runs are all of the application, by name. Operators create them in SQL.',
    replies: { 200: { description: '`{items}`', schema: DatabaseTriggers } },
    errors: [],
  },
  async (query) => ({ body: { items: await listDatabaseTriggers(query) } }),
);
