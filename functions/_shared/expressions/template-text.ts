// Splits a string into text and `{{ … }}`. An expression may contain braces itself, so the closing braces are the
// first ones before which the text is valid JSONata.

import { ExpressionError } from './errors.ts';
import { type CompiledExpression, compileExpression } from './jsonata.ts';

export type TemplatePart = string | CompiledExpression;

const maxCandidates = 64;

export function parseTemplateText(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', at)) {
    if (open > at) parts.push(text.slice(at, open));
    const { expression, end } = parseOne(text, open + 2);
    parts.push(expression);
    at = end;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function parseOne(text: string, start: number): { expression: CompiledExpression; end: number } {
  let failure: ExpressionError | undefined;
  let close = text.indexOf('}}', start);
  for (let tries = 0; close !== -1 && tries < maxCandidates; tries += 1) {
    const source = text.slice(start, close).trim();
    try {
      return { expression: compileExpression(source), end: close + 2 };
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      failure ??= error;
    }
    close = text.indexOf('}}', close + 1);
  }
  throw (
    failure ??
    new ExpressionError('expression_syntax', 'the template has {{ without a closing }}', {
      position: start - 2,
    })
  );
}
