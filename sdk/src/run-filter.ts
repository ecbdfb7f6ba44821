// Which runs a search finds, or an operation acts on.
import type { RunStatus } from './rows.ts';

/** All conditions apply. A list matches a run with one of its values; only of `tag` all are needed. */
export interface RunFilter {
  /** One id, or up to 1,000. */
  id?: string | readonly string[] | undefined;
  /** The key of the start. */
  idempotency_key?: string | undefined;
  /** The run has all of them; up to 16. */
  tag?: string | readonly string[] | undefined;
  /** The id of an operation on many runs: those that it changed, or that it started. */
  operation?: string | undefined;
  /** Values of the input, by up to 8 paths of `searchable_inputs` of the workflow. */
  input?: Readonly<Record<string, unknown>> | undefined;
  /** One status, or several. */
  status?: RunStatus | readonly RunStatus[] | undefined;
  /** One name, or up to 50. */
  workflow?: string | readonly string[] | undefined;
  /** The number of a version; needs one `workflow`. */
  version?: number | undefined;
  /** What started the run, such as `manual` or `schedule`. */
  trigger_type?: string | readonly string[] | undefined;
  /** The id of the user who started the run. */
  created_by?: string | undefined;
  /** The code of its error, such as `http_timeout`. */
  error_code?: string | undefined;
  /** A time of ISO 8601, which is included. */
  created_from?: string | undefined;
  /** A time of ISO 8601, which is not included. */
  created_before?: string | undefined;
  /** Words in the name or the description of the workflow. */
  text?: string | undefined;
}
