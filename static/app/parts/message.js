// @ts-check
/** A message as it stands in a conversation, in the stream, and wherever else messages are listed. */

import { h } from '../dom.js';
import { model } from '../model.js';
import { me } from '../session.js';
import { dayLine, dayOf, rich, time, timeOfDay, userPath, when } from '../words.js';
import { avatar } from './avatar.js';
import { icon } from './icons.js';

/** @typedef {import('../history.js').Message} Message */
/** @typedef {import('../model.js').Conversation} Conversation */

/** Messages of one person within so many milliseconds stand together. */
const TOGETHER = 5 * 60_000;

/** @param {Message} message */
export const isOwn = ({ author }) => author !== null && author.id === me()?.id;

/** Whether a message goes on what the one before began. @param {Message} message @param {Message | null} before */
export function goesOn(message, before) {
  return (
    before !== null && before.author?.id === message.author?.id && before.thread_id === message.thread_id && dayOf(before.created_at) === dayOf(message.created_at) &&
    Date.parse(message.created_at) - Date.parse(before.created_at) < TOGETHER
  );
}

/** Whether a day begins with a message: also with the first one, if it is known to be that. @param {Message} message @param {Message | null} before @param {boolean} known */
export const daysBegin = (message, before, known) => (before ? dayOf(before.created_at) !== dayOf(message.created_at) : known);

/** The line between days. @param {Message} message */
function dayOver(message) {
  return h('div.day', { role: 'separator' }, h('span', null, dayLine(message.created_at)));
}

/** What a message says. @param {Message} message */
export function textOf(message) {
  if (message.deleted_at) return h('p.text.gone', null, 'This message was deleted.');
  return h('div.text', null, rich(message.text, message.mentions, me()?.id ?? null), message.edited_at && h('span.edited', { title: `Edited ${when(message.edited_at)}` }, ' (edited)'));
}

/** A few words of a message. @param {Message} message @param {number} [length] */
export function excerpt({ text, deleted_at }, length = 90) {
  if (deleted_at) return 'This message was deleted.';
  const line = text.replace(/\s+/g, ' ').trim();
  const letters = [...line.slice(0, length * 2)];
  return letters.length > length ? `${letters.slice(0, length).join('')}…` : line;
}

/** @param {Message} message */
export const authorOf = ({ author }) => author?.username ?? 'Goldcrest';

/** What screen readers say where a message has the focus. @param {Message} message */
const spoken = (message) => `${isOwn(message) ? 'You' : authorOf(message)}, ${timeOfDay(message.created_at)}: ${excerpt(message, 400)}`;

/** @param {string} act @param {string} label */
const tool = (act, label) => h('button.icon-button', { type: 'button', tabindex: '-1', 'data-act': act, 'aria-label': label, title: label }, icon(act));
// Copied for each message, which is quicker than drawing them.
const tools = h('div.tools', null, tool('reply', 'Reply'), tool('more', 'More'));
const fewTools = h('div.tools', null, tool('more', 'More'));

/**
 * In a conversation.
 *
 * @param {Message} message
 * @param {Message | null} before
 * @param {{ day?: boolean, root?: Message | null, readers?: string[], unreadLine?: boolean, marked?: boolean, inThread?: boolean }} more
 */
export function bubble(message, before, { day = false, root = null, readers = [], unreadLine = false, marked = false, inThread = false }) {
  const { id, author, thread_id, created_at, deleted_at } = message;
  const own = isOwn(message);
  const on = goesOn(message, before) && !unreadLine;
  const replies = message.reply_count ?? 0;
  return h(
    'li',
    { tabindex: '-1', 'aria-label': spoken(message), class: `message ${own ? 'sent' : 'received'} ${on ? 'goes-on' : ''} ${author ? '' : 'system'} ${marked ? 'marked' : ''}` },
    day && dayOver(message),
    unreadLine && h('div.day.unread-line', { role: 'separator' }, h('span', null, 'New messages')),
    h(
      'div.bubble-row',
      null,
      h('span.message-face', null, !own && !on && avatar(author, { size: 'small' })),
      h(
        'div.bubble',
        { class: replies > 0 && !thread_id ? 'root' : '' },
        !on && h('p.message-head', null, !own && (author ? h('a.author', { href: userPath(author.username), tabindex: '-1' }, author.username) : h('span.author', null, 'Goldcrest')), h('a.message-time', { href: `/messages/${id}`, tabindex: '-1' }, time(created_at, timeOfDay))),
        thread_id !== null && !inThread && h('a.reply-to', { href: `/threads/${thread_id}` }, icon('reply'), root ? h('span', null, h('b', null, authorOf(root)), ` ${excerpt(root)}`) : h('span', null, 'Reply in a thread')),
        textOf(message),
        replies > 0 && !thread_id && !inThread && h('a.replies', { href: `/threads/${id}` }, icon('threads'), replies === 1 ? '1 reply' : `${replies} replies`),
      ),
      (deleted_at ? fewTools : tools).cloneNode(true),
    ),
    readers.length > 0 && h('p.readers', null, icon('check'), `Read by ${readers.length > 3 ? `${readers.slice(0, 2).join(', ')} and ${readers.length - 2} more` : readers.join(', ')}`),
  );
}

/** Where a message went, in words. @param {Message} message */
export function recipients({ conversation_id, author }) {
  const conversation = model.conversation(conversation_id);
  if (!conversation) return h('a', { href: `/conversations/${conversation_id}` }, 'a conversation');
  const { kind, members } = conversation;
  if (kind !== 'direct') return h('span', null, 'in ', h('a', { href: `/conversations/${conversation_id}` }, `${kind === 'channel' ? '#' : ''}${model.title(conversation)}`));
  const others = (members ?? []).map(({ user }) => user).filter(({ id }) => id !== author?.id);
  if (!others.length) return h('span', null, 'to yourself');
  return h('span', null, 'to ', others.map(({ username, id }, index) => [index > 0 && ', ', id === me()?.id ? 'you' : h('a', { href: userPath(username) }, username)]));
}

/**
 * In a list over many conversations: who, to whom, what, and where it leads.
 *
 * @param {Message} message
 * @param {{ days?: boolean, day?: boolean, begins?: boolean }} [how] `days`: whether days are told apart; `day`: whether one begins here;
 *   `begins`: whether it stands above its own thread
 */
export function card(message, { days = false, day = false, begins = false } = {}) {
  const { id, author, thread_id, created_at, conversation_id, snippet } = message;
  const own = isOwn(message);
  const replies = message.reply_count ?? 0;
  const place = new URLSearchParams({ reply: String(thread_id ?? id) });
  return h(
    'li',
    { tabindex: '-1', 'aria-label': spoken(message), class: `entry ${own ? 'sent' : 'received'} ${begins || (thread_id === null && replies > 0) ? 'root' : ''}` },
    day && dayOver(message),
    h(
      'article.entry-box',
      null,
      avatar(author, { size: 'small' }),
      h(
        'div.entry-main',
        null,
        h('p.message-head', null, h('span', null, own ? h('b.author', null, 'You') : author ? h('a.author', { href: userPath(author.username) }, author.username) : h('span.author', null, 'Goldcrest'), ' ', recipients(message)), time(created_at, days ? timeOfDay : when)),
        snippet ? h('div.text', null, snippet.map(({ text, hit }) => (hit ? h('mark', null, text) : text))) : textOf(message),
        h(
          'p.entry-links',
          null,
          h('a', { href: `/messages/${id}` }, 'show in conversation'),
          !begins && (thread_id !== null || replies > 0) && h('a', { href: `/threads/${thread_id ?? id}` }, replies > 0 ? `thread (${replies})` : 'thread'),
          !begins && !message.deleted_at && h('a', { href: `/conversations/${conversation_id}?${place}` }, 'reply'),
        ),
      ),
    ),
  );
}
