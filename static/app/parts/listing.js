// @ts-check
/** A list out of the API, part after part, with a button for more. */

import { h } from '../dom.js';
import { client } from '../session.js';
import { empty, region } from './empty.js';
import { attempt } from './toast.js';

/**
 * @param {object} what
 * @param {string} what.path below `/api/v1`
 * @param {() => Record<string, unknown>} [what.query]
 * @param {(item: any) => HTMLElement} what.row an `li`
 * @param {import('../dom.js').Child} what.none what stands there if the list is empty
 * @param {string} what.label what screen readers call it
 * @param {(item: any, other: any) => number} [what.order] puts each part in another order
 */
export function listing({ path, query = () => ({}), row, none, label, order = () => 0 }) {
  return region(async () => {
    const list = h('ul.rows', { 'aria-label': label });
    const more = h('button', { type: 'button', onclick: () => void attempt(next()) }, 'Show more');
    const foot = h('div.rows-more', null, more);
    /** @type {string | null} */
    let cursor = null;
    const next = async () => {
      const page = /** @type {any} */ (await client.request('GET', path, { query: { limit: 50, ...query(), cursor } }));
      const at = list.childElementCount;
      list.append(...page.items.sort(order).map(row));
      cursor = page.next;
      foot.hidden = cursor === null;
      // Whoever asked for more goes on reading where it begins.
      if (at) /** @type {HTMLElement | null} */ (list.children[at]?.querySelector('a, button'))?.focus();
    };
    await next();
    return list.childElementCount || cursor !== null ? [list, foot] : typeof none === 'string' ? empty({ title: none }) : none;
  });
}

/**
 * A row: a face, a name with something below it, and what can be done.
 *
 * @param {{ face?: import('../dom.js').Child, title: import('../dom.js').Child, sub?: import('../dom.js').Child, actions?: import('../dom.js').Child, href?: string }} what
 */
export function row({ face, title, sub, actions, href }) {
  const words = h('span.row-words', null, h('span.row-title', null, title), sub && h('span.row-sub', null, sub));
  return h(
    'li.row',
    null,
    href ? h('a.row-main', { href }, face, words) : h('div.row-main', null, face, words),
    actions && h('div.row-actions', null, actions),
  );
}
