// Whether inline code can be parsed, as the sandbox that runs it decides. The code does not run.

import { loadQuickJS, withSandbox } from './quickjs.ts';

/** The expression that the sandbox evaluates to get the function. */
export function asExpression(code: string): string {
  return `(${code.trim().replace(/;+$/, '')}\n)`;
}

/** The message of the syntax error, with its line; undefined: there is none. */
export async function codeProblem(code: string): Promise<string | undefined> {
  const module = await loadQuickJS();
  return withSandbox(module, (context, _runtime, scope) => {
    const compiled = context.evalCode(asExpression(code), 'inline_code.js', { compileOnly: true });
    if (compiled.error === undefined) {
      compiled.value.dispose();
      return undefined;
    }
    const thrown: unknown = context.dump(scope.manage(compiled.error));
    const { name, message, stack } = (
      typeof thrown === 'object' && thrown !== null ? thrown : {}
    ) as Readonly<Record<string, unknown>>;
    const line = typeof stack === 'string' ? /inline_code\.js:(\d+)/.exec(stack)?.[1] : undefined;
    const text = `${name ?? 'SyntaxError'}: ${message ?? 'the code cannot be parsed'}`;
    return line === undefined ? text : `${text} (line ${line})`;
  });
}
