// The turns of an agent: what the database keeps of each answer of its model, and of the tools that the model asked for.

import type { Usage } from '../models/ask.ts';
import type { Component } from '../steps/types.ts';

/** A tool in the plan of a version, in the order of config.tools. */
export interface ToolFacts {
  name: string;
  /** The name of the component or workflow, as the config has it. */
  target: string;
  description: string | null;
  input_schema: Record<string, unknown> | null;
  /** Whether config.approval is a template: if it selects nothing, a person is asked. */
  asks?: boolean;
  /** Absent: a workflow. Null: the component was deleted. */
  component?: Component | null;
}

export interface CallError {
  code: string;
  message: string;
  [detail: string]: unknown;
}

/** A tool call that the model asked for. Without an error it is to be run. */
export interface NewCall {
  id: string;
  tool: string;
  input: unknown;
  step_type?: string;
  target?: string;
  /** The config of the step that runs the tool. */
  config?: Record<string, unknown>;
  component_id?: string;
  /** The config of the approval that comes first. */
  approval?: Record<string, unknown>;
  error?: CallError;
}

interface Answer {
  /** Counts from 1. */
  turn: number;
  text: string;
  finish_reason: string | null;
  provider: string;
  model: string;
  usage: Usage | null;
  /** In US dollars. */
  cost: number | null;
}

export interface NewTurn extends Answer {
  calls: NewCall[];
}

export type CallStatus =
  | 'pending'
  | 'approval'
  | 'approved'
  | 'running'
  | 'completed'
  | 'failed'
  | 'rejected'
  | 'cancelled';

export interface StoredCall {
  id: string;
  tool: string;
  input: unknown;
  status: CallStatus;
  output: unknown;
  error: CallError | null;
}

export interface StoredTurn extends Answer {
  calls: StoredCall[];
}

/** The turns of one step, with those of its earlier attempts. */
export interface AgentTurns {
  load(): Promise<StoredTurn[]>;
  /** Before a tool runs. A repeated call with the same turn adds nothing. */
  store(turn: NewTurn): Promise<void>;
}
