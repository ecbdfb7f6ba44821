// Files of the application as parts of a message: text as text, other files with their media type.

import { STORAGE_MAX_BYTES } from '../../_shared/step-types/config.ts';
import type { ModelFile } from '../../_shared/step-types/model-config.ts';
import { readObject } from '../steps/storage-client.ts';
import { type StepContext, StepError } from '../steps/types.ts';
import type { FilePart, TextPart } from './sdk-types.d.ts';

const TEXT = /^text\/|^application\/(?:[\w.+-]+\+)?(?:json|xml|yaml)$/;

/** Together the files have at most the size that one file may have. */
export async function readFiles(
  files: readonly ModelFile[],
  ctx: StepContext,
): Promise<(FilePart | TextPart)[]> {
  const parts: (FilePart | TextPart)[] = [];
  let left = STORAGE_MAX_BYTES;
  for (const { bucket, path, media_type } of files) {
    const object = { bucket, name: `${ctx.run.app_code}/${path}` };
    const { bytes, contentType } = await readObject(ctx.env.storage, object, left, ctx.signal);
    left -= bytes.byteLength;
    const [type = ''] = (media_type ?? contentType ?? '').split(';');
    const mediaType = type.trim().toLowerCase();
    if (mediaType === '') {
      throw new StepError('invalid_config', `the file ${path} has no media type: give media_type`);
    }
    const filename = path.slice(path.lastIndexOf('/') + 1);
    parts.push(
      TEXT.test(mediaType)
        ? { type: 'text', text: `${filename}:\n${new TextDecoder().decode(bytes)}` }
        : { type: 'file', data: bytes, mediaType, filename },
    );
  }
  return parts;
}
