// The options of a start that all routes which start runs share.
import { z } from 'zod';
import { parseTraceparent } from '../_shared/tracing/traceparent.ts';
import { JsonObject, Time } from './components.ts';

const Tag = z
  .string()
  .regex(/^[^\p{Cc}]{1,64}$/u)
  .describe('1 to 64 characters, no control characters.');

export const START_OPTIONS = {
  tags: z.array(Tag).max(16).optional().describe('By which runs are found.'),
  metadata: JsonObject.optional().describe(
    'At most 16,384 bytes. Steps do not read it. The run continues the trace of `traceparent` (W3C Trace Context).',
  ),
  start_at: Time.optional().describe('The run does not start before this time.'),
};

export const TRACEPARENT_HEADER = {
  traceparent:
    'W3C Trace Context: the run continues this trace. `traceparent` in `metadata` has precedence. An invalid value is ignored.',
};

/** The metadata of a start whose caller sent this header. */
export function withTraceparent<Metadata extends object | undefined>(
  metadata: Metadata,
  header: string | undefined,
): Metadata | { traceparent: string } {
  if (header === undefined || parseTraceparent(header) === undefined) return metadata;
  return { traceparent: header.trim(), ...metadata };
}
