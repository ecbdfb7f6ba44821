// Durations as Go writes them (`1h30m`, `876000h`), which Supabase uses in requests and in config.toml.

const UNIT_SECONDS: Record<string, number> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  ns: 1e-9,
};

/** Throws a RangeError if the text is no duration. */
export function durationSeconds(duration: string): number {
  if (!/^(\d+(\.\d+)?(h|ms|m|s|us|µs|ns))+$/.test(duration)) {
    throw new RangeError(`${duration} is not a duration`);
  }
  let seconds = 0;
  for (const [, value, unit = ''] of duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) {
    seconds += Number(value) * (UNIT_SECONDS[unit] ?? 0);
  }
  return seconds;
}
