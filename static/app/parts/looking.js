// @ts-check
/** Knows when somebody has looked at a page for a while, so that what stands there counts as read. */

import { GoldcrestError } from '../../goldcrest.js';

/** How long one looks before it counts, in milliseconds. */
const LOOKED = 400;

/** @param {() => Node} page @param {() => void | Promise<void>} seen what is done then; what the server cannot be told is told at the next look */
export function looking(page, seen) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const away = () => document.hidden || !page().isConnected;
  const look = () => {
    if (timer || away() || !document.hasFocus()) return;
    timer = setTimeout(async () => {
      timer = undefined;
      try {
        if (!away()) await seen();
      } catch (error) {
        if (!(error instanceof GoldcrestError)) reportError(error);
      }
    }, LOOKED);
  };
  addEventListener('focus', look);
  document.addEventListener('visibilitychange', look);
  return {
    look,
    close: () => {
      clearTimeout(timer);
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
    },
  };
}
