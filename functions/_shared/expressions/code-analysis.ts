// Finds the steps that an inline_code function reads. It does not parse JavaScript: if the text does not show
// plainly which steps the function uses, it counts as using all of them.

import { ReferenceSet, type References } from './analysis.ts';

/** A longer parameter list is not followed: white space in several places would cost quadratic time. */
const maxHead = 1_000;

/** `({ input, steps }) =>`, `async ({ steps }) =>`, `function name({ context }) {`; plain names, defaults allowed for none. */
const head =
  /^\s*(?:async\b\s*)?(?:function\b\s*[\w$]*\s*)?\(\s*(?:\{\s*([\w$\s,]*)\}\s*)?\)\s*(?:=>|\{)/;

const member =
  /\bsteps\s*(?:\?\.|\.)\s*([A-Za-z_$][\w$]*)|\bsteps\s*(?:\?\.\s*)?\[\s*(?:'([^'\\\n]+)'|"([^"\\\n]+)")\s*\]/g;

export function analyseCode(code: string): References {
  const found = new ReferenceSet();
  const match = head.exec(code.slice(0, maxHead));
  if (match === null || /\barguments\b|\beval\b|\\u/.test(code)) {
    // The function takes its argument as a whole, or destructures it in a way that this text analysis does not follow.
    found.everything();
    return found.done();
  }
  const names = (match[1] ?? '').split(',').map((name) => name.trim());
  const body = code.slice(match[0].length);
  found.context = names.includes('context');
  if (names.includes('steps')) {
    let named = 0;
    for (const use of body.matchAll(member)) {
      named += 1;
      found.steps.add(use[1] ?? use[2] ?? use[3] ?? '');
    }
    const uses = body.match(/\bsteps\b/g)?.length ?? 0;
    // This also counts `other.steps` and the word in a comment: reading too much costs only time.
    if (uses !== named) found.allSteps = true;
  }
  return found.done();
}
