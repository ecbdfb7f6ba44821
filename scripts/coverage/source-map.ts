// The mappings of a source map: which place of the generated file comes from which line of which source.

export interface SourceMap {
  sources: readonly string[];
  mappings: string;
}

export interface Mapping {
  /** From 0, as in the format. */
  generatedLine: number;
  generatedColumn: number;
  source: string;
  /** From 1. */
  line: number;
  column: number;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base 64 digits of 5 bits and a flag that another one follows; the lowest bit is the sign. */
function numbersOf(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >>> 1) : value >>> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

export function* mappingsOf({ sources, mappings }: SourceMap): Generator<Mapping> {
  let source = 0;
  let line = 0;
  let column = 0;
  for (const [generatedLine, segments] of mappings.split(';').entries()) {
    let generatedColumn = 0;
    for (const segment of segments.split(',')) {
      const [generated = 0, ofSource, ofLine = 0, ofColumn = 0] = numbersOf(segment);
      generatedColumn += generated;
      if (ofSource === undefined) continue;
      source += ofSource;
      line += ofLine;
      column += ofColumn;
      const name = sources[source];
      if (name === undefined) continue;
      yield { generatedLine, generatedColumn, source: name, line: line + 1, column };
    }
  }
}
