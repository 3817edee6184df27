// @ts-check
/** The conversations that one is in, by last activity, at the side of every page. */

import { fill, h } from '../dom.js';
import { model } from '../model.js';
import { few, number, time } from '../words.js';
import { empty } from './empty.js';
import { face } from './face.js';
import { me } from '../session.js';

/** @typedef {import('../model.js').Conversation} Conversation */

export function conversationList() {
  const list = h('ul.conversations');
  const node = h('nav', { 'aria-label': 'Conversations' }, list);
  /** Rows that say the same as before stay. @type {Map<number, { said: string, row: HTMLElement }>} */
  let drawn = new Map();
  const draw = () => {
    const all = model.conversations();
    if (!all.length) {
      fill(node, [empty({ title: 'No conversations yet', text: [h('a', { href: '/new' }, 'Write to somebody'), ', or ', h('a', { href: '/channels' }, 'join a channel'), '.'] })]);
      return;
    }
    if (!list.isConnected) fill(node, [list]);
    const next = new Map(all.map((one) => {
      const said = sayingOf(one);
      const before = drawn.get(one.id);
      return [one.id, before?.said === said ? before : { said, row: row(one) }];
    }));
    drawn = next;
    const rows = [...next.values()].map((one) => one.row);
    const kept = new Set(rows);
    for (const old of [...list.children]) if (!kept.has(/** @type {HTMLElement} */ (old))) old.remove();
    // Whatever stands in its place stays there, so that the focus is not lost.
    rows.forEach((one, index) => {
      if (list.children[index] !== one) list.insertBefore(one, list.children[index] ?? null);
    });
  };
  draw();
  const ends = [model.on('conversations', draw), model.on('presence', draw)];
  // Rows go by arrows, too.
  list.addEventListener('keydown', (key) => {
    const link = key.target instanceof Element ? key.target.closest('li') : null;
    const to = key.key === 'ArrowDown' ? link?.nextElementSibling : key.key === 'ArrowUp' ? link?.previousElementSibling : null;
    if (!to) return;
    key.preventDefault();
    /** @type {HTMLElement | null} */ (to.querySelector('a'))?.focus();
  });
  return { node, close: () => ends.forEach((end) => end()) };
}

/** All that a row shows. @param {Conversation} conversation */
function sayingOf(conversation) {
  const { unread, mention_count, last_message: last } = conversation;
  const online = (conversation.members ?? []).length < 3 && conversation.members?.some(({ user }) => user.id !== me()?.id && model.isOnline(user.username));
  return [model.title(conversation), unread, mention_count, last?.id, last && excerpt(conversation, last), last?.created_at.slice(0, 10) === new Date().toISOString().slice(0, 10), online].join('|');
}

/** @param {Conversation} conversation */
function row(conversation) {
  const { id, unread, mention_count, last_message: last } = conversation;
  const path = `/conversations/${id}`;
  const here = location.pathname === path;
  return h(
    'li',
    null,
    h(
      'a.conversation',
      { href: path, 'data-path': path, class: unread ? 'unread' : '', 'aria-current': here ? 'page' : null },
      face(conversation),
      h('span.conversation-title', null, model.title(conversation)),
      last && time(last.created_at),
      h('span.conversation-last', null, last ? excerpt(conversation, last) : 'Nothing yet'),
      unread > 0 && h('span.badge', { class: mention_count ? 'named' : '', 'aria-label': `${number(unread)} unread${mention_count ? `, ${number(mention_count)} name you` : ''}` }, few(unread)),
    ),
  );
}

/** Among several it is told who said it. @param {Conversation} conversation @param {import('../model.js').Message} message */
function excerpt({ kind, members }, { author, text, deleted_at }) {
  if (deleted_at) return 'Message deleted';
  const several = kind !== 'direct' || (members ?? []).length > 2;
  const whose = !author ? '' : author.id === me()?.id ? 'You: ' : several ? `${author.username}: ` : '';
  return `${whose}${text.slice(0, 120)}`;
}
