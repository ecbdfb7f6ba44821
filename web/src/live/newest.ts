// Of reads that overlap, an older one never replaces the answer of a newer one: it may be late, and of another filter.

export interface Newest {
  /** Reads, and shows the answer or the error unless a later read has shown its own. */
  read<T>(
    work: () => Promise<T>,
    show: (value: T) => void,
    fail: (error: unknown) => void,
  ): Promise<void>;
  /** No read that has begun shows its answer. */
  leave(): void;
}

export function createNewest(): Newest {
  let begun = 0;
  let shown = 0;
  return {
    async read(work, show, fail) {
      begun += 1;
      const own = begun;
      /** A busy list begins reads faster than they end, so an older answer is shown until a newer one comes. */
      const shows = () => {
        if (own <= shown) return false;
        shown = own;
        return true;
      };
      try {
        const value = await work();
        if (shows()) show(value);
      } catch (error) {
        if (shows()) fail(error);
      }
    },
    leave() {
      shown = begun;
    },
  };
}
