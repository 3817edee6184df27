// @ts-check
/** What happens in a channel that one looks into without being in it: one's own stream does not tell of that. */

import { model } from '../model.js';
import { client } from '../session.js';

/** @typedef {import('../model.js').Conversation} Conversation */
/** @typedef {import('../../goldcrest.js').Event} Event */

/** How long the server holds an answer, in seconds, and waits between attempts that failed, in milliseconds. */
const HELD = 25;
const PAUSE = { first: 1_000, most: 30_000 };

/**
 * Asks the server for as long as the page is open and can be seen.
 *
 * @param {() => Conversation} channel
 * @param {number} head where what is shown was read at
 * @param {(event: Event) => void} changed called with what is about the channel itself, and not about a message
 * @returns {() => void} what ends it
 */
export function overhear(channel, head, changed) {
  const stop = new AbortController();
  const { signal } = stop;
  let after = head;

  /** @param {Event} event */
  const take = (event) => {
    if (/** @type {string} */ (event.type) === 'reset') model.tell('messages', event);
    else if (event.conversation_id !== channel().id || event.seq === undefined) return;
    else if (/^messages?\./.test(event.type)) model.overhear(event);
    else changed(event);
  };
  const listen = async () => {
    for (let pause = PAUSE.first; !signal.aborted; ) {
      try {
        const query = { after, wait: HELD, limit: 1000, channel: channel().name };
        const { events, next } = await client.request('GET', 'events', { query, signal });
        after = next;
        pause = PAUSE.first;
        events.forEach(take);
      } catch {
        await rest(pause, signal);
        pause = Math.min(pause * 2, PAUSE.most);
      }
      if (document.hidden) await shown(signal);
    }
  };
  void listen();
  return () => stop.abort();
}

/** @param {number} pause @param {AbortSignal} signal @returns {Promise<void>} */
const rest = (pause, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, pause);
  signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
});

/** @param {AbortSignal} signal @returns {Promise<void>} */
const shown = (signal) => new Promise((resolve) => {
  document.addEventListener('visibilitychange', () => resolve(), { once: true, signal });
  signal.addEventListener('abort', () => resolve(), { once: true });
});
