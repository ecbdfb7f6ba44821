// The streams that are open in this process, by application: one application cannot hold them all.
import { AppError } from '../../_shared/errors/index.ts';

export interface OpenStreams {
  /** Counts a stream of an application and returns the function that ends it; refuses one beyond the limit. */
  open(appCode: string, limit: number): () => void;
}

export function createOpenStreams(): OpenStreams {
  const open = new Map<string, number>();
  return {
    open(appCode, limit) {
      const count = open.get(appCode) ?? 0;
      if (count >= limit) {
        throw new AppError('limit_reached', `The application has ${limit} open event streams`, {
          extra: { quota: 'max_streams', limit },
        });
      }
      open.set(appCode, count + 1);
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        const left = (open.get(appCode) ?? 1) - 1;
        if (left > 0) open.set(appCode, left);
        else open.delete(appCode);
      };
    },
  };
}
