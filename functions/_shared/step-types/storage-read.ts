// storage_read: reads a file of Supabase Storage, below the folder of the application.

import { z } from 'zod';
import { bucketName, STORAGE_MAX_BYTES, storagePath } from './config.ts';
import { defineStepType, HTTP_TIMEOUT_MS } from './define.ts';

export const storageReadType = defineStepType({
  name: 'storage_read',
  label: 'Read file',
  description: 'Reads a file of Supabase Storage.',
  icon: 'file-down',
  color: '#0369a1',
  category: 'data',
  config: z.strictObject({
    bucket: bucketName,
    /** Below the folder of the application. */
    path: storagePath,
    max_bytes: z.int().min(1).max(STORAGE_MAX_BYTES).default(1_048_576),
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
