// @ts-check
/** Messages out of many conversations, the newest first, as far back as one scrolls. */

import { fill, focusHeading, h } from '../dom.js';
import { History } from '../history.js';
import { model } from '../model.js';
import { client } from '../session.js';
import { few } from '../words.js';
import { actOn, keyOn } from './actions.js';
import { go, isReturning } from '../router.js';
import { icon } from './icons.js';
import { authorOf, card, daysBegin, excerpt, isOwn } from './message.js';
import { scroller, walk } from './scroller.js';

/** @typedef {import('../history.js').Message} Message */

/** Where one was in which list, for whoever comes back. @type {Map<string, { key: number, at: number }>} */
const places = new Map();
client.on('logout', () => places.clear());

/**
 * @param {object} what
 * @param {string} what.path
 * @param {Record<string, unknown>} [what.query]
 * @param {(message: Message) => boolean} what.accepts
 * @param {string} what.label
 * @param {HTMLElement} what.none what stands there if the list is empty
 * @param {boolean} [what.quiet] whether new ones are not read out
 */
export async function cards({ path, query, accepts, label, none, quiet = false }) {
  const history = new History({ path, query, accepts, changed: () => changed() });
  /** Conversations that are not at hand are read once. @type {Set<number>} */
  const asked = new Set();
  // Here the day stands above its newest message.
  const day = (/** @type {Message} */ message, /** @type {Message | null} */ above) => daysBegin(message, above, history.ended);
  const list = scroller({
    label,
    newestFirst: true,
    history,
    context: (message, before) => {
      const known = model.conversation(message.conversation_id);
      return `${day(message, before)}|${known?.name}|${known?.members?.length}`;
    },
    row: (message, before) => {
      const { conversation_id } = message;
      if (!model.conversation(conversation_id) && !asked.has(conversation_id)) {
        asked.add(conversation_id);
        void model.refresh(conversation_id);
      }
      return card(message, { days: true, day: day(message, before) });
    },
    scrolled: () => pill(),
  });
  const up = h('button.newest.top', { type: 'button', hidden: true, onclick: () => { list.toNewest(); pill(); } });
  const heard = h('div.heard', { 'aria-live': 'polite' });
  let fresh = 0;
  const pill = () => {
    if (list.atNewest()) fresh = 0;
    up.hidden = fresh === 0;
    if (fresh) fill(up, [icon('up'), `${few(fresh)} new`]);
  };
  const nothing = h('div', { hidden: true }, none);
  list.node.append(nothing);
  const changed = () => {
    nothing.hidden = history.messages.length > 0 || !history.ended;
    list.refresh();
  };
  const doing = { reply: (/** @type {Message} */ { id, thread_id, conversation_id }) => go(`/conversations/${conversation_id}?reply=${thread_id ?? id}`) };
  actOn(list.list, (id) => history.find(id), doing);
  walk(list.list, (row, { key }) => {
    const message = history.find(Number(row.dataset.key));
    if (!message) return false;
    if (key === 'Enter') {
      go(`/messages/${message.id}`);
      return true;
    }
    return keyOn(message, row, key, doing);
  });
  const ends = [
    model.on('conversations', () => list.refresh()),
    model.on('messages', ({ type, data }) => {
      if (type !== 'message.created' || !history.find(data.id)) return;
      if (!list.atNewest()) fresh += 1;
      pill();
      if (!quiet && !isOwn(data)) fill(heard, [`${authorOf(data)}: ${excerpt(data, 200)}`]);
    }),
  ];
  const name = JSON.stringify([path, query]);
  const before = isReturning() ? places.get(name) : undefined;
  const close = () => {
    for (const end of ends) end();
    list.close();
    history.close();
  };
  try {
    if (before) await history.toMessage(before.key);
    else await history.toEnd();
  } catch (error) {
    close();
    throw error;
  }
  return {
    node: h('div.talk.cards', null, list.node, up, heard),
    history,
    /** Puts something above the list. @param {HTMLElement} node */
    before: (node) => list.node.prepend(node),
    focus: () => {
      if (before && list.show(before.key, { ...before, focus: true })) return;
      list.toNewest();
      const first = /** @type {HTMLElement | null} */ (list.list.firstElementChild);
      if (first) first.tabIndex = 0;
      focusHeading();
    },
    close: () => {
      const place = list.place();
      if (place) places.set(name, place);
      else places.delete(name);
      close();
    },
  };
}
