// storage_read and storage_write: files of the application in Supabase Storage. The folder of the application, its
// app_code, comes before every path: no step reaches the files of another application.

import { storageReadType } from '../../_shared/step-types/storage-read.ts';
import { storageWriteType } from '../../_shared/step-types/storage-write.ts';
import { parseBody } from './answers.ts';
import { encodeBody } from './request-body.ts';
import { readObject, writeObject } from './storage-client.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

const objectOf = (config: { bucket: string; path: string }, ctx: StepContext) => ({
  bucket: config.bucket,
  name: `${ctx.run.app_code}/${config.path}`,
});

export const storageRead: StepHandler<typeof storageReadType> = {
  stepType: storageReadType,
  async run(config, ctx): Promise<StepResult> {
    const object = objectOf(config, ctx);
    const { bytes, contentType } = await readObject(
      ctx.env.storage,
      object,
      config.max_bytes,
      ctx.signal,
    );
    return {
      kind: 'completed',
      output: {
        ...object,
        path: config.path,
        size: bytes.byteLength,
        content_type: contentType,
        content: parseBody(bytes, contentType, { status: 200 }),
      },
    };
  },
};

export const storageWrite: StepHandler<typeof storageWriteType> = {
  stepType: storageWriteType,
  async run(config, ctx): Promise<StepResult> {
    const object = objectOf(config, ctx);
    const headers = new Headers(
      config.content_type === undefined ? {} : { 'content-type': config.content_type },
    );
    const encoded = encodeBody(config.content, 'POST', headers) ?? '';
    const body = typeof encoded === 'string' ? new TextEncoder().encode(encoded) : encoded;
    const contentType = headers.get('content-type') ?? 'text/plain; charset=utf-8';
    await writeObject(
      ctx.env.storage,
      object,
      { body, contentType, overwrite: config.overwrite },
      ctx.signal,
    );
    return {
      kind: 'completed',
      output: { ...object, path: config.path, size: body.byteLength, content_type: contentType },
    };
  },
};
