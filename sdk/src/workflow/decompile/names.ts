// Names of variables for the steps.

/** Words that a variable cannot be named, and names that the code uses itself. */
const TAKEN = [
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false',
  'finally for function if implements import in instanceof interface let new null package private protected public return',
  'static super switch this throw true try typeof undefined var void while with yield async of NaN Infinity',
  'w expr shape template jsonSchema defineWorkflow output step item index',
].flatMap((words) => words.split(' '));

/** A camel-case name of its own for each id. */
export function variableNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set(TAKEN);
  const names = new Map<string, string>();
  for (const id of ids) {
    const plain = id
      .replaceAll(/[_-]+(.)?/g, (_match, next: string | undefined) => next?.toUpperCase() ?? '')
      .replace(/^[A-Z]/, (first) => first.toLowerCase());
    let name = plain;
    for (let count = 2; taken.has(name); count += 1) name = `${plain}${count}`;
    taken.add(name);
    names.set(id, name);
  }
  return names;
}
