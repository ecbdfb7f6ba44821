// Profiles of V8: functions with nested ranges of characters. The innermost range around a character has its count.

export interface V8Range {
  startOffset: number;
  endOffset: number;
  count: number;
}

export interface V8Script {
  url: string;
  functions: ReadonlyArray<{ ranges: readonly V8Range[] }>;
}

/** The count of each offset, in the order of the offsets, which must ascend. */
export function countsAt(
  { functions }: Pick<V8Script, 'functions'>,
  offsets: readonly number[],
): number[] {
  // An outer range starts earlier or ends later than its inner ones, so the inner ones come last and win.
  const ranges = functions
    .flatMap((each) => each.ranges)
    .sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const counts = new Array<number>(offsets.length).fill(0);
  for (const { startOffset, endOffset, count } of ranges) {
    for (let index = firstFrom(offsets, startOffset); index < offsets.length; index += 1) {
      if ((offsets[index] ?? endOffset) >= endOffset) break;
      counts[index] = count;
    }
  }
  return counts;
}

/** The index of the first offset that is not before `start`. */
function firstFrom(offsets: readonly number[], start: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle] ?? start) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}
