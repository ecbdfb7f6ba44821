// A construct that has no counterpart in Temporal.

/** `node` is undefined when the reason is not one node. */
export class NotCompilable extends Error {
  override readonly name = 'NotCompilable';
  readonly node: string | undefined;
  readonly reason: string;

  constructor(node: string | undefined, reason: string) {
    super(node === undefined ? reason : `${node}: ${reason}`);
    this.node = node;
    this.reason = reason;
  }
}
