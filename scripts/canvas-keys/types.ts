// The keys of a canvas in the types of @xyflow/react. The compiler writes the types of these constants into a
// declaration file, from which read.ts takes the keys.

import type { BuiltInEdge, BuiltInNode, Edge, Node, ReactFlowJsonObject } from '@xyflow/react';

type KeysOf<T> = T extends unknown ? keyof T : never;

const keys = <T>() => ({}) as { [Key in KeysOf<T>]: true };

export const definition = keys<ReactFlowJsonObject>();
export const node = keys<Node | BuiltInNode>();
export const edge = keys<Edge | BuiltInEdge>();
