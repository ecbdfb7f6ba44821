// Shares of a worker's capacity. While the steps in flight use all of it, a reserve beyond it is for the apps that have
// less than their share. The last half of the reserve is for apps without a step in flight, one step each: several
// apps with long steps must not use all of it before another app asks.

export interface Reserve {
  /** How many more tokens the worker may fetch from the reserve now. */
  room: number;
  /** The apps whose tokens it leaves to others. */
  exceptApps: string[];
}

/** The reserve of a worker that executes `concurrency` steps at a time. */
export const reserveOf = (concurrency: number): number => Math.ceil(concurrency / 4);

/** The apps that execute as many steps as their share of the capacity, if one more app wanted an equal share. */
export function appsAtShare(steps: ReadonlyMap<string, number>, concurrency: number): string[] {
  const share = concurrency / (steps.size + 1);
  return [...steps].flatMap(([app, n]) => (n >= share ? [app] : []));
}

/** `used` is how many steps count against the concurrency; `steps` are those of each app. */
export function reserveFor(
  concurrency: number,
  used: number,
  steps: ReadonlyMap<string, number>,
): Reserve {
  const reserved = reserveOf(concurrency);
  const room = Math.max(0, concurrency + reserved - used);
  const last = Math.ceil(reserved / 2);
  return room > last
    ? { room: room - last, exceptApps: appsAtShare(steps, concurrency) }
    : { room: Math.min(room, 1), exceptApps: [...steps.keys()] };
}
