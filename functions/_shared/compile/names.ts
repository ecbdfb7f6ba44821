// Names of a compiled project: the function of the workflow, its task queue, and a function for each node.

/** Type of the workflow in Temporal; different for every workflow and version of an application. */
export function workflowType(kebabName: string, version: number): string {
  const name = `${kebabName.replaceAll('-', '_')}_v${version}`;
  return /^[a-z_]/.test(name) ? name : `w_${name}`;
}

export const taskQueue = (appCode: string, type: string): string => `stepbase-${appCode}-${type}`;

export const namespace = (appCode: string): string => `stepbase-${appCode}`;

/** Words that no function can be called, and the names that workflow.ts imports. */
const TAKEN = new Set(
  (
    'all any run runGraph Run StartArgs start node nodes await async break case catch class const continue debugger ' +
    'default delete do else enum export extends false finally for function if implements import in instanceof ' +
    'interface let new null package private protected public return static super switch this throw true try ' +
    'typeof var void while with yield eval arguments undefined NaN Infinity'
  ).split(' '),
);

/** A function for each node id, in camel case. */
export function functionNames(
  ids: readonly string[],
  taken: readonly string[],
): Map<string, string> {
  const used = new Set([...TAKEN, ...taken]);
  const names = new Map<string, string>();
  for (const id of ids) {
    const words = id.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
    const camel = words
      .map((word, at) =>
        at === 0 ? lowerFirst(word) : word.charAt(0).toUpperCase() + word.slice(1),
      )
      .join('');
    const base = /^[A-Za-z]/.test(camel)
      ? camel
      : `step${camel.charAt(0).toUpperCase()}${camel.slice(1)}`;
    let name = base;
    for (let count = 2; used.has(name); count += 1) name = `${base}${count}`;
    used.add(name);
    names.set(id, name);
  }
  return names;
}

const lowerFirst = (word: string): string => word.charAt(0).toLowerCase() + word.slice(1);
