// Starts a test run of a definition that is not published.
import { z } from 'zod';
import { AS_RUN, JsonObject } from '../components.ts';
import { testWorkflow } from '../insight-queries.ts';
import { type Operation, statement } from '../operation.ts';

export const TestBody = z.strictObject({
  definition: JsonObject.describe('A draft, or a part of one.'),
  input: JsonObject.default({}),
  input_schema: JsonObject.optional().describe('Checks the input.'),
});

export const TEST_WORKFLOW: Operation = statement(
  {
    id: 'testWorkflow',
    method: 'POST',
    path: '/v1/workflows/:kebab_name/test',
    title: 'Start a test run of a definition',
    permission: 'run:execute',
    description:
      'Starts a run of the given definition without publishing it. The run has the tag `test` and the effects of any other run. Also needs `workflow:publish`.',
    body: TestBody,
    idempotency: 'stored',
    replies: { 201: AS_RUN },
    errors: [
      'invalid_input',
      'invalid_definition',
      'schema_too_complex',
      'conflict',
      'limit_reached',
    ],
  },
  async (query, { params, body }) => ({
    body: await testWorkflow(query, params.kebab_name ?? '', body),
  }),
);
