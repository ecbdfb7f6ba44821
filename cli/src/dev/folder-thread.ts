// The thread that reader.ts starts: reads all files of the folder and sends what they hold.
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { readProject } from '../project.ts';
import { COMPONENTS } from '../resources/components.ts';
import { SCHEDULES } from '../resources/schedules.ts';
import { readWorkflows } from '../workflows/local.ts';
import type { FolderContent } from './reader.ts';

const project = readProject(dirname(workerData as string));
const { workflows, faults } = await readWorkflows(project);
const components = await COMPONENTS.readLocal(project);
const schedules = await SCHEDULES.readLocal(project);
const content: FolderContent = {
  workflows,
  components: components.items,
  schedules: schedules.items,
  faults: [...faults, ...components.faults, ...schedules.faults],
};
parentPort?.postMessage(content);
