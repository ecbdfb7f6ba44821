// Ports: checks whether they are free, and finds eight free ones in a row for throw-away stacks.

import { randomInt } from 'node:crypto';
import { isFree } from './free-port.ts';
import { PORT_NAMES, type Ports, portsFrom, type StackConfig, StackError } from './options.ts';

const LABELS: Record<(typeof PORT_NAMES)[number], string> = {
  gateway: 'the API gateway',
  postgres: 'PostgreSQL',
  web: 'the web client',
  redis: 'Upstash Redis',
  api: 'function api',
  worker: 'function worker',
  smtp: 'the mail catcher',
  world: 'the sample services',
};

export { isFree } from './free-port.ts';

/** The names of the ports that the services of this stack listen on. */
export function portsNeeded(
  config: Pick<StackConfig, 'databaseUrl' | 'functions' | 'web' | 'mail' | 'world'>,
): Array<(typeof PORT_NAMES)[number]> {
  return PORT_NAMES.filter((name) => {
    if (name === 'postgres') return config.databaseUrl === undefined;
    if (name === 'web') return config.web;
    if (name === 'smtp') return config.mail;
    if (name === 'world') return config.world;
    return config.functions || (name !== 'api' && name !== 'worker');
  });
}

/** Throws one line that names the first port in use and the remedy. */
export async function assertPortsFree(
  ports: Ports,
  needed: readonly (typeof PORT_NAMES)[number][] = PORT_NAMES,
): Promise<void> {
  for (const name of needed) {
    if (!(await isFree(ports[name]))) {
      throw new StackError(
        `Port ${ports[name]} (${LABELS[name]}) is already in use. ` +
          'Stop what uses it, or start on other ports: npm start -- --port N --data DIR',
      );
    }
  }
}

/** The first of eight free ports in a row, outside the ephemeral range of clients. */
export async function findFreePorts(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const first = 12_000 + 8 * randomInt(0, 2_400);
    const ports = Object.values(portsFrom(first));
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new StackError('Found no eight free ports in a row between 12000 and 31200');
}
