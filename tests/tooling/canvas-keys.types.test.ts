// The keys of a canvas in the database are those of the types of the installed @xyflow/react.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BuiltInEdge, Edge, Node, ReactFlowJsonObject } from '@xyflow/react';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usesOf } from '../../scripts/canvas-keys/migration.ts';
import { type CanvasTypes, readCanvasTypes } from '../../scripts/canvas-keys/read.ts';

const MIGRATION = 'supabase/migrations/20261101000524_canvas_keys.sql';

let folder: string;
let types: CanvasTypes;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canvas-keys-test-'));
  types = await readCanvasTypes();
});
afterAll(() => rm(folder, { recursive: true }));

async function check(...args: string[]): Promise<{ code: number; err: string }> {
  try {
    await promisify(execFile)(process.execPath, ['scripts/canvas-keys.ts', '--check', ...args], {
      timeout: 120_000,
    });
    return { code: 0, err: '' };
  } catch (error) {
    const failed = error as { code: number; stderr: string };
    return { code: failed.code, err: failed.stderr };
  }
}

test('the committed migration has the keys of the installed types', async () => {
  expect(await check()).toEqual({ code: 0, err: '' });
});

test.each([
  ['a key less', (sql: string) => sql.replace(/"zIndex": "presentation"/, '"z": "presentation"')],
  ['another use', (sql: string) => sql.replace('"selected": "session"', '"selected": "content"')],
  ['no text', () => ''],
])('a migration with %s is found', async (_what, edit) => {
  const file = join(folder, 'changed.sql');
  await writeFile(file, edit(await readFile(MIGRATION, 'utf8')));
  const { code, err } = await check(file);
  expect(code).toBe(1);
  expect(err).toContain('differs from the types of @xyflow/react');
});

test('the compiler finds the keys of every member of a union, with and without a question mark', () => {
  // Each list is complete for its type, or this file does not compile.
  const required: Record<'node' | 'edge' | 'definition', readonly string[]> = {
    node: ['id', 'position', 'data', 'type', 'measured', 'resizing'] satisfies (keyof Node)[],
    edge: [
      ...(['id', 'source', 'target', 'label', 'reconnectable'] satisfies (keyof Edge)[]),
      'pathOptions' satisfies keyof Extract<BuiltInEdge, { type?: 'step' }>,
    ],
    definition: ['nodes', 'edges', 'viewport'] satisfies (keyof ReactFlowJsonObject)[],
  };
  expect(types.definition).toEqual([...required.definition].sort());
  expect(types.node).toEqual(expect.arrayContaining([...required.node]));
  expect(types.edge).toEqual(expect.arrayContaining([...required.edge]));
});

test('only the keys that the engine reads are content, and only state of an open canvas is dropped', () => {
  const uses = usesOf(types);
  const having = (part: keyof CanvasTypes, use: string) =>
    Object.keys(uses[part]).filter((key) => uses[part][key] === use);
  expect(having('node', 'content')).toEqual(['data', 'id', 'type']);
  expect(having('node', 'session')).toEqual(['dragging', 'measured', 'resizing', 'selected']);
  expect(having('edge', 'content')).toEqual(['id', 'source', 'sourceHandle', 'target']);
  expect(having('edge', 'session')).toEqual(['selected']);
});

test('types without a key that the engine reads are refused', () => {
  expect(() => usesOf({ ...types, edge: types.edge.filter((key) => key !== 'source') })).toThrow(
    'the type of the edge has no source',
  );
});
