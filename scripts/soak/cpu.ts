// CPU time and memory of the soaked processes, from the kernel's counters (Linux; undefined elsewhere).

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterFolder } from '../stack/postgres/cluster.ts';

const TICK_MS = 10;

/** Positions in /proc/<pid>/stat after the name of the program. */
const PARENT = 1;
const OWN = [11, 12];
/** Children that have ended: sessions, and the workers of autovacuum. */
const ENDED_CHILDREN = [13, 14];

async function stat(pid: number | string): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function sum(fields: readonly string[], places: readonly number[]): number {
  return places.reduce((total, place) => total + Number(fields[place]) * TICK_MS, 0);
}

export async function serverPid(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(clusterFolder(dataDir), 'postmaster.pid'), 'utf8').catch(
    () => '',
  );
  const pid = Number(text.split('\n')[0]);
  return pid > 0 && (await stat(pid)) !== undefined ? pid : undefined;
}

/** CPU milliseconds of the server with all processes that it ever started. */
export async function serverCpuMs(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(stat));
  const server = await stat(pid);
  if (!server) return Number.NaN;
  return stats
    .filter((fields) => Number(fields?.[PARENT]) === pid)
    .reduce(
      (total, fields) => total + sum(fields ?? [], OWN),
      sum(server, [...OWN, ...ENDED_CHILDREN]),
    );
}

export async function processCpuMs(pid: number): Promise<number> {
  const fields = await stat(pid);
  return fields ? sum(fields, OWN) : Number.NaN;
}

/** Resident memory in MB. */
export async function residentMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) / 1024;
}
