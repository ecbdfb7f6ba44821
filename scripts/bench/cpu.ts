// The processor time and memory of processes, from the kernel's counters in /proc. Other systems do not have them.

import { readdir, readFile } from 'node:fs/promises';

const TICK_MS = 10;

/** Fields of /proc/<pid>/stat after the program's name, which can contain spaces. */
async function stat(pid: number | string): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

const PARENT = 1;
const OWN = [11, 12];
/** Of the children that have ended. */
const ENDED = [13, 14];

function sum(fields: string[] | undefined, places: readonly number[]): number {
  return places.reduce((total, place) => total + Number(fields?.[place] ?? 0) * TICK_MS, 0);
}

/** Milliseconds of processor time that the process has used; undefined if the system does not report it. */
export async function processCpuMs(pid: number | undefined): Promise<number | undefined> {
  const fields = pid === undefined ? undefined : await stat(pid);
  return fields && sum(fields, OWN);
}

/**
 * Milliseconds of processor time of a process and of all children it ever had: with the postmaster's id, of the
 * whole server. Undefined if the system does not report it.
 */
export async function familyCpuMs(parent: number): Promise<number | undefined> {
  const own = await stat(parent);
  if (!own) return undefined;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(pids.map(stat));
  const children = all.filter((fields) => Number(fields?.[PARENT]) === parent);
  return children.reduce((total, fields) => total + sum(fields, OWN), sum(own, [...OWN, ...ENDED]));
}

/** Resident memory in MB; undefined if the system does not report it. */
export async function residentMb(pid: number | undefined): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(text)?.[1];
  return kb === undefined ? undefined : Number(kb) / 1024;
}
