// @ts-check
/** `/conversations/:id` and `/messages/:id`: what is said in one conversation, from where one has read to. */

import { fill, h } from '../dom.js';
import { model } from '../model.js';
import { avatar, emblem } from '../parts/avatar.js';
import { details } from '../parts/details.js';
import { dialog } from '../parts/dialog.js';
import { icon } from '../parts/icons.js';
import { isOwn } from '../parts/message.js';
import { talk } from '../parts/talk.js';
import { attempt } from '../parts/toast.js';
import { isReturning, open as openAnew } from '../router.js';
import { client, me } from '../session.js';
import { retitle } from '../shell.js';
import { number, since } from '../words.js';

/** @typedef {import('../model.js').Conversation} Conversation */
/** @typedef {import('../history.js').Message} Message */

/** How long one looks before it counts as read, in milliseconds. */
const LOOKED = 400;

/** Where one was, for whoever comes back. @type {Map<number, { key: number, at: number }>} */
const places = new Map();
client.on('logout', () => places.clear());

/** @type {import('../router.js').Opener} */
export function open({ parts, query }) {
  return conversationPage(Number(parts.id), { reply: Number(query.get('reply')) || null });
}

/** A message, where it was said. @type {import('../router.js').Opener} */
export async function openMessage({ parts }) {
  const message = /** @type {Message} */ (await client.request('GET', `messages/${encodeURIComponent(parts.id ?? '')}`));
  return conversationPage(message.conversation_id, { at: message.id });
}

/**
 * @param {number} id
 * @param {{ at?: number | null, reply?: number | null }} where
 * @returns {Promise<import('../router.js').Page>}
 */
async function conversationPage(id, { at = null, reply = null }) {
  if (!model.conversation(id)) await model.read(id);
  const joined = model.conversation(id) !== null;
  let known = model.conversation(id) ?? /** @type {Conversation} */ (await client.request('GET', `conversations/${id}`));
  const conversation = () => (known = model.conversation(id) ?? known);
  const receipts = await readReceipts(known);
  const mayWrite = joined && (known.post === 'members' || isOwner(known));
  let shown = false;
  /** @type {Map<number, string[]>} */
  let readers = new Map();
  const join = async () => {
    await client.request('POST', `conversations/${id}/members`, { body: {} });
    await model.read(id);
    void openAnew();
  };
  const bar = joined
    ? h('p.talk-bar', null, 'Only owners write here.')
    : h('p.talk-bar', null, known.kind === 'channel' ? ['You are looking into this channel.', h('button.primary', { type: 'button', onclick: () => void attempt(join()) }, 'Join')] : 'You are not in this conversation any more.');
  const here = talk({ conversation, mayWrite, marked: at, bar, readers: ({ id: one }) => readers.get(one) ?? [], seen: () => shown && look() });

  // From where one has read to, unless a message is asked for.
  const { unread, last_read_id } = known;
  const before = !at && isReturning() ? places.get(id) : undefined;
  /** @type {number | null} */
  let start;
  try {
    start = at ?? before?.key ?? (unread > 40 ? await oldestUnread(id) : null);
    if (start) await here.history.toMessage(start);
    else await here.history.toEnd();
  } catch (error) {
    here.close();
    throw error;
  }
  const { messages } = here.history;
  const firstUnread = at || !unread ? null : start && !before ? here.history.find(start) : last_read_id !== null ? messages.find((one) => one.id > last_read_id && !isOwn(one)) : messages.filter((one) => !isOwn(one)).at(-unread);
  if (firstUnread) here.mark(firstUnread.id - 1);

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let looking;
  // Whoever is led to a message far ahead has not read what lies between.
  const unbroken = () => {
    const first = here.history.messages[0]?.id ?? 0;
    return here.history.begun || first <= (conversation().last_read_id ?? 0) || (firstUnread ? first <= firstUnread.id : false);
  };
  const look = () => {
    if (looking || !joined || document.hidden || !document.hasFocus() || !node.isConnected) return;
    looking = setTimeout(() => {
      looking = undefined;
      if (document.hidden || !node.isConnected) return;
      const seen = here.list.atNewest() ? (here.history.messages.at(-1)?.id ?? 0) : here.list.lastSeen();
      const now = conversation();
      if (!now.unread || seen <= (now.last_read_id ?? 0) || !(here.list.atNewest() || unbroken())) return;
      client.request('PUT', `conversations/${id}/read`, { body: { message_id: seen } }).then(
        () => model.readThrough(id, seen),
        // It is said again at the next look.
        () => {},
      );
    }, LOOKED);
  };
  const placeReaders = () => {
    const own = me()?.id;
    const next = new Map();
    for (const { user, message_id } of receipts.values()) {
      if (user.id === own) continue;
      const read = here.history.messages.findLast((one) => one.id <= message_id && isOwn(one));
      if (read) next.set(read.id, [...(next.get(read.id) ?? []), user.username]);
    }
    readers = next;
  };

  const face = h('span.talk-face');
  const title = h('h1');
  const sub = h('p.page-sub');
  const panel = details(id, conversation);
  const head = h(
    'header.page-head.talk-head',
    null,
    h('a.icon-button.back.narrow', { href: '/conversations', 'aria-label': 'Back', title: 'Back' }, icon('back')),
    face,
    h('div.page-title', null, title, sub),
    h(
      'div.page-actions',
      null,
      h('a.icon-button', { href: `/search?in=${id}`, 'aria-label': 'Search here', title: 'Search here' }, icon('search')),
      h('button.icon-button.unwide', { type: 'button', 'aria-label': 'Details', title: 'Details', onclick: () => {
        const more = details(id, conversation);
        dialog({ title: model.title(conversation()), body: [more.node], closed: more.close });
      } }, icon('info')),
    ),
  );
  const drawHead = () => {
    const now = conversation();
    const name = `${now.kind === 'channel' ? '#' : ''}${model.title(now)}`;
    fill(title, [name]);
    fill(sub, [subOf(now)]);
    fill(face, [faceOf(now)]);
    if (node.isConnected) retitle(name);
  };
  const node = h('div.page.conversation-page', null, head, here.body, here.foot);
  drawHead();
  placeReaders();
  const ends = [
    model.on(`conversation:${id}`, () => {
      drawHead();
      look();
      if (joined && !model.conversation(id)) void openAnew();
    }),
    model.on('presence', drawHead),
    model.on(`receipts:${id}`, (receipt) => {
      receipts.set(receipt.user.id, receipt);
      placeReaders();
      here.refresh();
    }),
    model.on('messages', () => {
      const before = JSON.stringify([...readers]);
      placeReaders();
      if (JSON.stringify([...readers]) !== before) here.refresh();
    }),
  ];
  const turned = () => {
    // What comes while nobody looks is new to whoever comes back.
    const last = here.history.ended ? here.history.messages.at(-1) : null;
    if (document.hidden && last && !conversation().unread) here.mark(last.id);
    look();
  };
  addEventListener('focus', look);
  document.addEventListener('visibilitychange', turned);
  return {
    title: model.title(known),
    node,
    details: panel.node,
    immersive: true,
    focus: () => {
      shown = true;
      here.refresh();
      if (at) here.list.show(at, { focus: true });
      else if (before) here.list.show(before.key, before);
      else if (firstUnread && messages.indexOf(firstUnread) < messages.length - 4) here.list.show(firstUnread.id);
      else if (here.history.ended) here.list.toNewest();
      here.pill();
      look();
      if (reply) void attempt(beginReply(reply));
      else if (!at && here.write && matchMedia('(pointer: fine)').matches) here.write.focus();
      else if (!at) { title.tabIndex = -1; title.focus({ preventScroll: true }); }
    },
    close: () => {
      const place = at ? null : here.list.place();
      if (place) places.set(id, place);
      else if (!at) places.delete(id);
      clearTimeout(looking);
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', turned);
      for (const end of ends) end();
      panel.close();
      here.close();
    },
  };

  /** @param {number} root */
  async function beginReply(root) {
    here.write?.reply(here.history.find(root) ?? (await client.request('GET', `messages/${root}`)));
  }
}

/** @param {number} id @returns {Promise<number | null>} */
async function oldestUnread(id) {
  const { items } = await client.request('GET', 'messages', { query: { conversation_id: id, unread: true, after: 0, limit: 1 } });
  return items[0]?.id ?? null;
}

/** @param {Conversation} conversation */
const isOwner = ({ members }) => members?.some(({ user, role }) => role === 'owner' && user.id === me()?.id) ?? false;

/** @param {Conversation} conversation @returns {Promise<Map<number, { user: import('../model.js').UserRef, message_id: number }>>} */
async function readReceipts({ id, kind }) {
  if (kind === 'channel') return new Map();
  try {
    const { items } = await client.request('GET', `conversations/${id}/receipts`);
    return new Map(items.map((/** @type {any} */ one) => [one.user.id, one]));
  } catch {
    return new Map();
  }
}

/** @param {Conversation} conversation */
function othersOf({ members }) {
  return (members ?? []).map(({ user }) => user).filter(({ id }) => id !== me()?.id);
}

/** @param {Conversation} conversation */
function subOf(conversation) {
  const others = othersOf(conversation);
  const [other] = others;
  if (conversation.kind === 'direct' && others.length === 0) return 'Only you read this';
  if (conversation.kind === 'direct' && others.length === 1 && other) {
    if (model.isOnline(other.username)) return 'Online';
    const seen = model.lastSeen(other.username);
    return seen ? `Last seen ${since(seen)}` : '';
  }
  const online = others.filter(({ username }) => model.isOnline(username)).length;
  const many = others.length + (conversation.members?.some(({ user }) => user.id === me()?.id) ? 1 : 0);
  return `${many === 1 ? '1 member' : `${number(many)} members`}${online ? `, ${number(online)} online` : ''}`;
}

/** @param {Conversation} conversation */
function faceOf(conversation) {
  const others = othersOf(conversation);
  const [other] = others;
  if (conversation.kind === 'channel') return emblem(model.title(conversation), 'channels');
  if (conversation.kind === 'group' || others.length > 1) return emblem(model.title(conversation), 'group');
  return other ? avatar(other, { online: model.isOnline(other.username) }) : emblem('notes', 'write');
}
