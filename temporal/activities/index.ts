// What the activities and the worker of a compiled project import.

export { type ActivityStep, type StepFacts, type Steps, step } from './step.ts';
export { runWorker, type WorkerOptions } from './worker.ts';
