// Secrets of the application. No call returns a value.
import type { Backend } from '../backend.ts';
import { REQUEST_MS } from '../list.ts';
import { type Args, OPERATIONS, type Operation } from '../operations.ts';
import type { Secret, SecretVersion } from '../rows.ts';
import { type CallOptions, withDeadline } from '../time.ts';

/** The secrets of the application. No call returns a value. */
export interface Secrets {
  /** All secrets by name, without their values. */
  list(options?: CallOptions): Promise<Secret[]>;
  /** Stores a new version. Steps that start from now on read it. */
  set(
    name: string,
    value: string,
    options?: CallOptions & {
      /** The hosts that may receive it; default: those of the version in use. `['*']` allows every host. */
      allowedHosts?: readonly string[] | undefined;
    },
  ): Promise<SecretVersion>;
  /** Uses an earlier version again, with its hosts. */
  rollback(name: string, version: number, options?: CallOptions): Promise<SecretVersion>;
  /** Deletes all versions. */
  delete(name: string, options?: CallOptions): Promise<void>;
}

export function createSecrets(backend: Backend): Secrets {
  const call = <T>(operation: Operation, args: Args, options: CallOptions = {}) =>
    withDeadline(operation.rpc, options, REQUEST_MS, (signal) =>
      backend.call<T>(operation, args, signal),
    );
  return {
    list: (options) => call(OPERATIONS.listSecrets, {}, options),
    set: (name, value, { allowedHosts, ...options } = {}) =>
      call(OPERATIONS.setSecret, { name, value, allowed_hosts: allowedHosts }, options),
    rollback: (name, version, options) =>
      call(OPERATIONS.rollbackSecret, { name, version }, options),
    async delete(name, options) {
      await call(OPERATIONS.deleteSecret, { name }, options);
    },
  };
}
