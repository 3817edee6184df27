// @ts-check
/** The conversations that one is in, by last activity, at the side of every page. */

import { fill, h } from '../dom.js';
import { model } from '../model.js';
import { few, number, time } from '../words.js';
import { avatar, emblem } from './avatar.js';
import { empty } from './empty.js';
import { me } from '../session.js';

/** @typedef {import('../model.js').Conversation} Conversation */

export function conversationList() {
  const list = h('ul.conversations');
  const node = h('nav', { 'aria-label': 'Conversations' }, list);
  const draw = () => {
    const all = model.conversations();
    if (!all.length) {
      fill(node, [empty({ title: 'No conversations yet', text: 'Write to somebody, or join a channel.' })]);
      return;
    }
    if (!list.isConnected) fill(node, [list]);
    fill(list, all.map(row));
  };
  draw();
  const ends = [model.on('conversations', draw), model.on('presence', draw)];
  return { node, close: () => ends.forEach((end) => end()) };
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
      h('span.conversation-last', null, last ? excerpt(last) : 'Nothing yet'),
      unread > 0 && h('span.badge', { class: mention_count ? 'named' : '', 'aria-label': `${number(unread)} unread` }, few(unread)),
    ),
  );
}

/** @param {Conversation} conversation */
function face(conversation) {
  const { kind, members } = conversation;
  const others = (members ?? []).filter(({ user }) => user.id !== me()?.id);
  if (kind === 'channel') return emblem(model.title(conversation), 'channels');
  if (kind === 'group' || others.length > 1) return emblem(model.title(conversation), 'group');
  const other = others[0]?.user;
  return other ? avatar(other, { online: model.isOnline(other.username) }) : emblem('notes', 'write');
}

/** @param {import('../model.js').Message} message */
function excerpt({ author, text, deleted_at }) {
  if (deleted_at) return 'Message deleted';
  return `${author?.id === me()?.id ? 'You: ' : ''}${text.slice(0, 120)}`;
}
