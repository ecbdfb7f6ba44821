// Completion of names in expressions: steps, their outputs, the input, and the functions of JSONata.
import type {
  CompletionContext,
  CompletionResult,
  CompletionSource,
} from '@codemirror/autocomplete';
import { type Shape, shapeAt } from './shapes.ts';

const FUNCTIONS =
  'abs append average boolean ceil contains count distinct each error exists filter floor formatNumber join keys length lookup lowercase map match max merge min now number pad power random reduce replace reverse round shuffle sift sort split spread sqrt string substring substringAfter substringBefore sum toMillis fromMillis trim type uppercase zip'.split(
    ' ',
  );

const isName = (name: string) => /^[A-Za-z_$][\w$]*$/.test(name);
const written = (name: string) => (isName(name) ? name : `\`${name}\``);

/** Whether the position is inside of `{{ … }}`. */
export function isInTemplate(before: string): boolean {
  return before.lastIndexOf('{{') > before.lastIndexOf('}}');
}

function names(shape: Shape, from: number): CompletionResult {
  return {
    from,
    validFor: /^[\w$`-]*$/,
    options: [...shape.members].map(([label, member]) => ({
      label,
      apply: written(label),
      detail: member.detail,
      type: member.members.size > 0 ? 'namespace' : 'property',
      boost: 1,
    })),
  };
}

/** `isTemplate`: names are completed inside of braces only. */
export function completionsOf(root: () => Shape, isTemplate: boolean): CompletionSource {
  return (context: CompletionContext) => {
    const before = context.state.sliceDoc(Math.max(0, context.pos - 2_000), context.pos);
    if (isTemplate && !isInTemplate(before)) return null;
    const path = /((?:(?:`[^`]*`|[A-Za-z_$][\w$]*)(?:\[[^[\]]*\])?\s*\.\s*)+)(`?[\w$-]*)$/.exec(
      before,
    );
    if (path !== null) {
      const shape = shapeAt(root(), path[1] ?? '');
      return shape === undefined ? null : names(shape, context.pos - (path[2] ?? '').length);
    }
    const word = /[$\w]*$/.exec(before)?.[0] ?? '';
    if (word === '' && !context.explicit && !/\{\{\s*$/.test(before)) return null;
    const from = context.pos - word.length;
    const { options } = names(root(), from);
    const functions = FUNCTIONS.map((name) => ({
      label: `$${name}`,
      apply: `$${name}(`,
      type: 'function',
    }));
    return { from, validFor: /^[$\w]*$/, options: [...options, ...functions] };
  };
}
