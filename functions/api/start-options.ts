// The options of a start that all routes which start runs share.
import { z } from 'zod';
import { JsonObject, Time } from './components.ts';

const Tag = z
  .string()
  .regex(/^[^\p{Cc}]{1,64}$/u)
  .describe('1 to 64 characters, no control characters.');

export const START_OPTIONS = {
  tags: z.array(Tag).max(16).optional().describe('By which runs are found.'),
  metadata: JsonObject.optional().describe('At most 16,384 bytes. Steps do not read it.'),
  start_at: Time.optional().describe('The run does not start before this time.'),
};
