// The CPU time of this process. A browser has none, and on hosted functions it stays at zero.

interface CpuUsage {
  user: number;
  system: number;
}

const host = globalThis as { process?: { cpuUsage?: () => CpuUsage } };

// A process that has come this far has used CPU time, so zero is not a measurement. It is not asked for again, because the
// hosted runtime writes a warning for each call.
let isReported = true;

/** In milliseconds, of all threads; undefined where the platform does not report it. */
export function cpuTime(): number | undefined {
  if (!isReported) return undefined;
  try {
    const usage = host.process?.cpuUsage?.();
    isReported = usage !== undefined && usage.user + usage.system > 0;
    return usage && isReported ? (usage.user + usage.system) / 1000 : undefined;
  } catch {
    isReported = false;
    return undefined;
  }
}
