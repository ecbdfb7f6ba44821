// The columns of the views that the HTTP API serves. PostgreSQL does not know which of them can be null, so they are
// stated here; the tests of the API compare each answer with them.
import type { Table } from './table.ts';

const text = { type: 'text' } as const;
const optionalText = { type: 'text', nullable: true } as const;
const id = { type: 'uuid' } as const;
const optionalId = { type: 'uuid', nullable: true } as const;
const json = { type: 'json' } as const;
const list = { type: 'text[]' } as const;
const flag = { type: 'boolean' } as const;
const int = { type: 'integer' } as const;
const optionalInt = { type: 'integer', nullable: true } as const;
const time = { type: 'time' } as const;

const readOnly = { insert: [], update: [] } as const;

export const VIEWS = {
  dead_letters: {
    comment:
      'A run that failed or timed out, with the step that ended it and the newest run that redrove it.',
    columns: {
      run_id: id,
      app_code: text,
      workflow_id: id,
      workflow: optionalText,
      workflow_version_id: id,
      version: optionalInt,
      status: text,
      error_code: optionalText,
      error_message: optionalText,
      step_id: optionalText,
      step_type: optionalText,
      step_run_id: optionalId,
      item_index: optionalInt,
      attempts: optionalInt,
      last_error: json,
      input: json,
      parent_run_id: optionalId,
      created_at: time,
      failed_at: time,
      redriven_run_id: optionalId,
      redriven_status: optionalText,
    },
    ...readOnly,
  },
  shared_components: {
    comment: 'A component of another application. Steps name it by `reference`.',
    columns: {
      component_id: id,
      app_code: text,
      name: text,
      reference: text,
      display_name: text,
      description: text,
      version: text,
      component_type: text,
      implementation_type: text,
      visibility: text,
      config_schema: json,
      input_schema: json,
      output_schema: json,
      tags: list,
      capabilities: list,
      endpoint: optionalText,
      timeout_ms: int,
      retry_count: int,
      ui_widget_id: optionalText,
      ui_definitions: json,
      is_active: flag,
      deprecated: flag,
    },
    ...readOnly,
  },
  shared_prompts: {
    comment: 'A prompt of another application.',
    columns: {
      prompt_id: id,
      app_code: text,
      name: text,
      display_name: text,
      description: text,
      version: text,
      visibility: text,
      prompt_content: text,
      prompt_variables: json,
      capabilities: list,
      tags: list,
      recommended_models: json,
      deprecated: flag,
    },
    ...readOnly,
  },
  shared_workflows: {
    comment: 'A workflow of another application, with its published version.',
    columns: {
      workflow_id: id,
      app_code: text,
      kebab_name: text,
      name: text,
      description: text,
      tags: list,
      visibility: text,
      status: text,
      version: int,
      definition: json,
      input_schema: json,
      output_schema: json,
      published_at: { type: 'time', nullable: true },
    },
    ...readOnly,
  },
} as const satisfies Readonly<Record<string, Table>>;

export type ViewName = keyof typeof VIEWS;
