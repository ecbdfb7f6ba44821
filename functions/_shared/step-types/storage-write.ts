// storage_write: writes a file to Supabase Storage, below the folder of the application.

import { z } from 'zod';
import { bucketName, storagePath } from './config.ts';
import { defineStepType, HTTP_TIMEOUT_MS } from './define.ts';

export const storageWriteType = defineStepType({
  name: 'storage_write',
  label: 'Write file',
  description: 'Writes a file to Supabase Storage.',
  icon: 'file-up',
  color: '#0369a1',
  category: 'data',
  config: z.strictObject({
    bucket: bucketName,
    /** Below the folder of the application. */
    path: storagePath,
    /** Text, JSON, or {"encoding": "base64", "data": …}. */
    content: z.unknown().optional(),
    content_type: z.string().min(1).max(200).optional(),
    /** false: the step fails if the file exists. */
    overwrite: z.boolean().default(true),
  }),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: HTTP_TIMEOUT_MS,
  deadlineKeys: [],
  waitKind: null,
  isComponent: false,
  isActivity: true,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: true,
  allowedInForEach: true,
  allowedInCompensation: true,
});
