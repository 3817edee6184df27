// @ts-check
/** What stands where there is nothing yet, and why; and where something is still to come. */

import { fill, h } from '../dom.js';
import { explain } from '../explain.js';
import { onceBack } from '../session.js';
import { icon } from './icons.js';

/** @param {{ icon?: string, title: string, text?: import('../dom.js').Child, action?: import('../dom.js').Child }} what */
export function empty({ icon: sign, title, text, action }) {
  return h(
    'div.empty',
    null,
    sign && h('span.empty-sign', null, icon(sign)),
    h('p.empty-title', null, title),
    text && h('p.empty-text', null, text),
    action && h('div.empty-action', null, action),
  );
}

/**
 * A part of a page that is fetched: says so if it takes long, and offers another attempt if it fails. It is tried again when the connection is back.
 *
 * @param {() => Promise<import('../dom.js').Child>} load
 * @param {{ label?: string }} [how]
 * @returns {{ node: HTMLElement, reload: () => Promise<void> }}
 */
export function region(load, { label } = {}) {
  const node = h('div.region', { tabindex: '-1', 'aria-busy': 'true', 'aria-label': label, role: label ? 'group' : null });
  let turn = 0;
  let giveUp = () => {};
  const reload = async () => {
    const mine = (turn += 1);
    giveUp();
    node.setAttribute('aria-busy', 'true');
    const slow = setTimeout(() => node.childElementCount || fill(node, [h('p.hint', { role: 'status' }, 'One moment…')]), 300);
    try {
      const shown = await load();
      if (mine !== turn) return;
      const within = node.contains(document.activeElement);
      fill(node, [shown]);
      // Whoever pressed what is gone now goes on in its place, and not at the top of the window.
      if (within) (/** @type {HTMLElement | null} */ (node.querySelector('a[href], button, input')) ?? node).focus({ preventScroll: true });
    } catch (error) {
      if (mine !== turn) return;
      const again = h('button', { type: 'button', onclick: () => void reload() }, 'Try again');
      fill(node, [empty({ icon: 'warning', title: 'This could not be loaded.', text: explain(error), action: again })]);
      // The page that it is a part of may have gone by then.
      giveUp = onceBack(() => node.isConnected && void reload());
    } finally {
      clearTimeout(slow);
      if (mine === turn) node.removeAttribute('aria-busy');
    }
  };
  void reload();
  return { node, reload };
}
