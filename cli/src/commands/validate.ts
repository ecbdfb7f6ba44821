// validate: the checks of the folder, and those of the server.
import { type Context, mapSome, type Result } from '../context.ts';
import { EXIT } from '../errors.ts';
import { KINDS, readLocalKinds } from '../resources/compare.ts';
import { errorsOf, faultLines, withoutPending } from '../workflows/faults.ts';
import { chosen, type LocalFault, readWorkflows } from '../workflows/local.ts';
import { checkStored } from '../workflows/stored.ts';

export interface ValidateOptions {
  local?: boolean;
}

export async function validate(
  context: Context,
  names: readonly string[],
  { local: isLocal = false }: ValidateOptions,
): Promise<Result> {
  const { out, project } = context;
  const { workflows, faults: ofWorkflows } = await readWorkflows(project);
  const { local: resources, faults: ofResources } = await readLocalKinds(context, KINDS);
  const local = [...ofWorkflows, ...ofResources];
  const all = chosen(workflows, names, project.workflows);
  // The server refuses a definition that is no graph before it checks the rest.
  const broken = new Set(local.map(({ workflow }) => workflow));
  const sound = all.filter(({ kebab_name }) => !broken.has(kebab_name));
  const folder = {
    workflows: new Set(workflows.map(({ kebab_name }) => kebab_name)),
    components: new Set(
      [...resources].flatMap(([{ plural }, items]) =>
        plural === 'components' ? items.map(({ content }) => String(content.name)) : [],
      ),
    ),
  };
  const checked = isLocal
    ? []
    : await mapSome(sound, async (one, index) => {
        out.progressOf(index + 1, sound.length, one.kebab_name);
        const found = await checkStored(context.server, one);
        const faults = withoutPending(found, one, folder);
        return { workflow: one.kebab_name, file: one.file, faults };
      });
  const isValid =
    local.length === 0 && checked.every(({ faults }) => errorsOf(faults).length === 0);
  const warnings = checked.flatMap(({ faults }) => faults).length;
  const parts = [
    count(all.length, 'workflow'),
    ...[...resources].flatMap(([{ singular }, items]) =>
      items.length === 0 ? [] : [count(items.length, singular)],
    ),
  ];
  const things = new Intl.ListFormat('en').format(parts);
  if (parts.length === 1 && all.length === 0 && local.length === 0) {
    return {
      data: { valid: true, files: [], workflows: [] },
      lines: [
        `There is nothing to check in ${project.folder}. \`stepbase pull\` writes the workflows of the database into it.`,
      ],
    };
  }
  const isOne = parts.length === 1 && all.length === 1;
  const summary = isValid
    ? `${things} ${isOne ? 'is' : 'are'} valid${isLocal ? ' (not checked by the server)' : ''}.`
    : `${count(local.length + warnings, 'fault')} in ${things}.`;
  return {
    data: { valid: isValid, files: local, workflows: checked },
    lines: [
      ...local.flatMap((fault) => localLines(fault)),
      ...checked.flatMap(({ workflow, faults }) => faultLines(out, workflow, faults)),
      summary,
    ],
    exit: isValid ? EXIT.ok : EXIT.no,
  };
}

export const localLines = ({ file, line, code, message, hint }: LocalFault): string[] => [
  line === undefined ? file : `${file}:${line}`,
  `  error: ${message} (${code})`,
  ...(hint === undefined ? [] : [`  ${hint}`]),
];

export const count = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? '' : 's'}`;
