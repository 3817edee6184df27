// @ts-check
/** What keys do anywhere: `Control` `K` searches, `Alt` with an arrow goes through the conversations. */

import { model } from './model.js';
import { go } from './router.js';
import { client } from './session.js';

export function listen() {
  addEventListener('keydown', (key) => {
    // Whoever is asked something answers first.
    if (!client.user || key.defaultPrevented || document.querySelector('dialog[open]')) return;
    if ((key.ctrlKey || key.metaKey) && !key.altKey && !key.shiftKey && key.key.toLowerCase() === 'k') {
      key.preventDefault();
      go('/search');
    } else if (key.altKey && !key.ctrlKey && !key.metaKey && (key.key === 'ArrowUp' || key.key === 'ArrowDown')) {
      key.preventDefault();
      step(key.key === 'ArrowDown' ? 1 : -1);
    }
  });
}

/** The next conversation in the list, or the one before. @param {1 | -1} by */
function step(by) {
  const all = model.conversations();
  const at = all.findIndex(({ id }) => location.pathname === `/conversations/${id}`);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  if (next) go(`/conversations/${next.id}`);
}
