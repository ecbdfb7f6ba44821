// Compiles a published version of a workflow to code for Temporal.
import { z } from 'zod';
import { compileWorkflow, NotCompilable } from '../../_shared/compile/index.ts';
import { librarySource } from '../../_shared/compile/packages.ts';
import { publishedVersions, storeCompilation } from '../../_shared/compile/queries.ts';
import { AppError } from '../../_shared/errors/index.ts';
import { found, readRow } from '../crud.ts';
import { type Operation, statement } from '../operation.ts';
import { COMPONENTS, columnNames, named } from '../rows.ts';

export const CompileBody = z.strictObject({
  version: z.number().int().positive().max(2_147_483_647).optional(),
});

const COMPILATION = {
  table: 'workflow_compilations',
  columns: columnNames('workflow_compilations'),
  key: ['id'],
} as const;

const CompiledWorkflow = named('CompiledWorkflow', () =>
  z.object({
    // The schema of the resource in registry.ts.
    compilation: COMPONENTS.get('Compilation')?.() ?? z.object({}),
    step_types: z.array(z.string()).describe('The step types that the workflow uses.'),
    files: z
      .record(z.string(), z.string())
      .describe('The files of the project by path, without those of the library.'),
    library: z
      .object({
        package: z.string().describe('Its name in the npm registry.'),
        version: z.string(),
        file: z.string().describe('The JSON file in the package: `{files, locks}`.'),
      })
      .describe(
        'Where the library is. Its `files` belong below `stepbase/` of the project, and its only lock is `package-lock.json`.',
      ),
  }),
);

export const COMPILE_OPERATIONS: Operation[] = [
  statement(
    {
      id: 'compileWorkflow',
      method: 'POST',
      path: '/v1/workflows/:kebab_name/compile',
      title: 'Compile a workflow',
      permission: 'workflow:publish',
      description:
        'Compiles the published version, or `version`, to a TypeScript project for [Temporal](../guides/compile-for-temporal.md), and makes its code the active compilation of the version. The same code as before stays the same compilation. `invalid_definition` names the node that Temporal cannot execute. `stepbase compile` calls this and writes the complete project; other callers add the `library`.',
      body: CompileBody,
      replies: {
        200: {
          description: '`{compilation, step_types, files, library}`',
          schema: CompiledWorkflow,
        },
      },
      errors: ['not_found', 'invalid_definition'],
    },
    async (query, { member, params: { kebab_name: workflow = '' }, body: { version: number } }) => {
      const wanted = { app: member.appCode, version: number };
      const [first] = await publishedVersions(query, workflow, wanted);
      const version = found('published version', first);
      const compiled = orRefused(() => compileWorkflow(version));
      const id = await storeCompilation(query, version, compiled);
      const compilation = found('compilation', await readRow(query, COMPILATION, id));
      const { step_types, files } = compiled;
      return {
        body: { compilation, step_types, files, library: librarySource(step_types) },
      };
    },
  ),
];

function orRefused<T>(compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof NotCompilable)) throw error;
    const { node = null, reason, message } = error;
    const fault = {
      ...{ node, pointer: '', code: 'not_compilable', message: reason },
      severity: 'error',
    };
    throw new AppError('invalid_definition', message, { extra: { errors: [fault] } });
  }
}
