// compile: writes a published workflow as a TypeScript project for Temporal.
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { type Library, libraryFiles } from '../../../functions/_shared/compile/index.ts';
import type { Manifest } from '../../../functions/_shared/compile/lock.ts';
import { variantOf } from '../../../functions/_shared/compile/packages.ts';
import { writeProject } from '../../../scripts/compile/write.ts';
import type { Context, Result } from '../context.ts';
import { readText } from '../files.ts';
import type { Act } from '../program.ts';
import { segment } from '../server.ts';

interface CompileOptions {
  out: string;
  workflowVersion?: number;
}

interface Compiled {
  compilation: { id: string; temporal_workflow_type: string; package_json: string };
  step_types: string[];
  files: Record<string, string>;
}

function versionNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It is a number.');
  return number;
}

export function addCompileCommand(program: Command, act: Act): void {
  program
    .command('compile')
    .summary('write a published workflow as a project for Temporal')
    .description(
      'Compiles the published version of a workflow, stores its code as the active compilation, and writes a TypeScript project for Temporal into a folder that is new, empty, or has an earlier compilation.',
    )
    .argument('<workflow>', 'name of the workflow')
    .requiredOption('-o, --out <folder>', 'the folder of the project')
    .option('--workflow-version <number>', 'this version', versionNumber)
    .action(
      act((context, workflow: string, options: CompileOptions) =>
        compile(context, workflow, options),
      ),
    );
}

async function compile(
  context: Context,
  workflow: string,
  { out, workflowVersion: version }: CompileOptions,
): Promise<Result> {
  const body = version === undefined ? {} : { version };
  const path = `/v1/workflows/${segment(workflow)}/compile`;
  const answer = await context.server.post<Compiled>(path, body);
  const { compilation, step_types, files } = answer.body;
  const { id, temporal_workflow_type: type, package_json } = compilation;
  const library = await libraryOf(step_types);
  const folder = context.path(out);
  const all = { ...files, ...libraryFiles(library, JSON.parse(package_json) as Manifest) };
  await writeProject(folder, all);
  const names = Object.keys(all).sort();
  return {
    data: { id, type, folder, files: names },
    lines: [
      `${workflow}: ${names.length} files in ${folder}`,
      `Workflow type ${type}. Next: npm ci && npx tsc --noEmit && npm start`,
    ],
  };
}

/** The package has built libraries. In the repository the library is built from its sources. */
async function libraryOf(types: readonly string[]): Promise<Library> {
  const built = new URL(`./assets/temporal/${variantOf(types)}.json`, import.meta.url);
  const text = readText(fileURLToPath(built));
  if (text !== undefined) return JSON.parse(text) as Library;
  // Not a literal: the package must not contain the builder.
  const builder = new URL('../../../scripts/compile/library.ts', import.meta.url).href;
  const { buildLibrary } = (await import(
    builder
  )) as typeof import('../../../scripts/compile/library.ts');
  return await buildLibrary(types);
}
