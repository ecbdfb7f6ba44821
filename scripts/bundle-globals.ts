// The globals of Node, which Deno gives to npm packages but not to a bundle: esbuild adds an import where one is used.

export { Buffer } from 'node:buffer';
export { default as process } from 'node:process';
export {
  clearImmediate,
  clearInterval,
  clearTimeout,
  setImmediate,
  setInterval,
  setTimeout,
} from 'node:timers';

const all = globalThis;

export { all as global };
