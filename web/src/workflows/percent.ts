// Shares in percent.

/** 0.9834 as "98.3 %", and never "100 %" if a run failed. */
export function percent(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return '–';
  return `${Math.floor(rate * 1_000) / 10} %`;
}
