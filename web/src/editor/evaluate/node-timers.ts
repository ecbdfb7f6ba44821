// node:timers for the web worker of expressions.
export const setImmediate = (work: () => void): void => {
  setTimeout(work, 0);
};
