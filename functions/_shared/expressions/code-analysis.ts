// What an inline_code function reads. JavaScript is not parsed here: when the text does not plainly say which steps
// it uses, it counts as using all of them.

import { ReferenceSet, type References } from './analysis.ts';

/** `({ input, steps }) =>`, `async ({ steps }) =>`, `function name({ context }) {`; plain names, defaults allowed for none. */
const head =
  /^\s*(?:async\b\s*)?(?:function\b\s*[\w$]*\s*)?\(\s*(?:\{\s*([\w$\s,]*)\}\s*)?\)\s*(?:=>|\{)/;

const member =
  /\bsteps\s*(?:\?\.|\.)\s*([A-Za-z_$][\w$]*)|\bsteps\s*(?:\?\.)?\s*\[\s*(?:'([^'\\\n]+)'|"([^"\\\n]+)")\s*\]/g;

export function analyseCode(code: string): References {
  const found = new ReferenceSet();
  const match = head.exec(code);
  if (match === null || /\barguments\b|\beval\b|\\u/.test(code)) {
    // Takes its argument whole, or could name things in ways the text does not show.
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
    // `other.steps` and the word in a comment are counted too: reading too much is only slower.
    if (uses !== named) found.allSteps = true;
  }
  return found.done();
}
