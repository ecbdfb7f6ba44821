// Which position in the write-ahead log the SDK sends, after each kind of answer of an API with and without a read replica.
import { beforeEach, describe, expect, it } from 'vitest';
import { createPosition, type Position } from '../../sdk/src/http/position.ts';

const answer = (position?: string) =>
  Promise.resolve(
    new Response('{}', { headers: position === undefined ? {} : { 'stepbase-lsn': position } }),
  );
const sent = (position: Position) => position.headers()['stepbase-lsn'];

describe('the position that the SDK sends', () => {
  let position: Position;
  beforeEach(() => {
    position = createPosition();
  });

  it('is the newest of its answers, as a number and in any order', async () => {
    expect(sent(position)).toBeUndefined();
    await position.follow('POST', () => answer('9/FFFFFFFF'));
    expect(sent(position)).toBe('9/FFFFFFFF');
    let late = (_response: Response) => undefined as unknown;
    const slow = position.follow('GET', () => new Promise((resolve) => (late = resolve)));
    await position.follow('GET', () => answer('A/1'));
    late(await answer('A/0'));
    await slow;
    expect(sent(position)).toBe('A/1');
    await position.follow('GET', () => answer());
    expect(sent(position)).toBe('A/1');
  });

  it('is none without a replica', async () => {
    await position.follow('POST', () => answer());
    await position.follow('GET', () => answer());
    expect(position.headers()).toEqual({});
  });

  it('is forgotten after a write whose position is unknown', async () => {
    await position.follow('GET', () => answer('0/5'));
    await position.follow('POST', () => answer());
    expect(sent(position)).toBeUndefined();
    await position.follow('GET', () => answer('0/6'));
    const lost = position.follow('POST', () => Promise.reject(new Error('the connection broke')));
    await expect(lost).rejects.toThrow('broke');
    expect(sent(position)).toBeUndefined();
  });

  it('is not that of a request from before such a write', async () => {
    let late = (_response: Response) => undefined as unknown;
    const slow = position.follow('GET', () => new Promise((resolve) => (late = resolve)));
    await position.follow('POST', () => answer());
    late(await answer('0/5'));
    await slow;
    expect(sent(position)).toBeUndefined();
  });

  it('follows a new primary, whose positions are lower', async () => {
    await position.follow('GET', () => answer('0/9'));
    await position.follow('GET', () => answer('0/4'));
    expect(sent(position)).toBe('0/4');
  });
});
