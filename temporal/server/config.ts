// The configuration of a server of Temporal in one process, with SQLite in memory or in a file.

export interface ServerPorts {
  frontend: number;
  http: number;
  history: number;
  matching: number;
  worker: number;
  /** Of the four services, in the same order. */
  membership: readonly [number, number, number, number];
}

/** `file`: the database; undefined: it is in memory and ends with the process. */
export function serverConfig(ports: ServerPorts, dynamicConfig: string, file?: string): string {
  const attributes =
    file === undefined
      ? { mode: 'memory', cache: 'shared' }
      : { mode: 'rwc', setup: 'true', journal_mode: 'wal', synchronous: '2' };
  const store = (name: string) => ({
    sql: {
      pluginName: 'sqlite',
      databaseName: file ?? name,
      connectAddr: 'localhost',
      connectProtocol: 'tcp',
      connectAttributes: attributes,
      maxConns: 1,
      maxIdleConns: 1,
      maxConnLifetime: '24h',
    },
  });
  const [frontend, history, matching, worker] = ports.membership;
  const rpc = (grpcPort: number, membershipPort: number, more: object = {}) => ({
    rpc: { grpcPort, membershipPort, bindOnLocalHost: true, ...more },
  });
  const address = `127.0.0.1:${ports.frontend}`;
  // JSON is YAML.
  return JSON.stringify({
    log: { stdout: true, level: 'error' },
    persistence: {
      defaultStore: 'sqlite-default',
      visibilityStore: 'sqlite-visibility',
      numHistoryShards: 1,
      datastores: { 'sqlite-default': store('default'), 'sqlite-visibility': store('default') },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: {
      frontend: rpc(ports.frontend, frontend, { httpPort: ports.http }),
      history: rpc(ports.history, history),
      matching: rpc(ports.matching, matching),
      worker: rpc(ports.worker, worker),
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: address,
          httpAddress: `127.0.0.1:${ports.http}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    publicClient: { hostPort: address },
    dynamicConfigClient: { filepath: dynamicConfig, pollInterval: '60s' },
  });
}

/** Without the first value, a timer of 200 ms takes a second. */
export const DYNAMIC_CONFIG = JSON.stringify({
  'history.timerProcessorMaxTimeShift': [{ value: '10ms' }],
  'frontend.namespaceRPS': [{ value: 100_000 }],
  'frontend.namespaceCount': [{ value: 10_000 }],
  'system.forceSearchAttributesCacheRefreshOnRead': [{ value: true }],
});
