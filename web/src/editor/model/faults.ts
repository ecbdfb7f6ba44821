// A fault of the checker in the words of the editor. The checker names a place as the HTTP API and the CLI need it,
// `config.body.total`; a person sees the label of the field instead.
import { wordsOf } from './fields.ts';

interface FaultWords {
  message: string;
  hint?: string;
}

/** The step itself, the step of each item, or the compensating step. */
const PLACE = /\b(?:config\.step\.|compensate\.)?config\.([a-z_]\w*)/g;
const UNKNOWN = ' is not a known key';

/** `config.expression is required` as `Expression is required`. */
export function faultText({ message, hint }: FaultWords): string {
  const text = message.replaceAll(PLACE, (place, key: string, at: number) => {
    // A key that the step type does not have is in no field: it is shown as it was written.
    if (message.startsWith(UNKNOWN, at + place.length)) return `“${key}”`;
    return at === 0 ? wordsOf(key) : `“${wordsOf(key)}”`;
  });
  const said = text.replace('must have at least 1 characters', 'must not be empty');
  return hint ? `${said}; ${hint}` : said;
}
