// @ts-check
/** `/conversations/:id` and `/messages/:id`: what is said in one conversation, from where one has read to. */

import { fill, h } from '../dom.js';
import { model } from '../model.js';
import { details } from '../parts/details.js';
import { dialog } from '../parts/dialog.js';
import { face, othersOf } from '../parts/face.js';
import { icon } from '../parts/icons.js';
import { looking } from '../parts/looking.js';
import { isOwn } from '../parts/message.js';
import { standing } from '../parts/standing.js';
import { talk } from '../parts/talk.js';
import { attempt } from '../parts/toast.js';
import { isReturning, open as openAnew } from '../router.js';
import { client, me } from '../session.js';
import { retitle } from '../shell.js';
import { number, since } from '../words.js';

/** @typedef {import('../model.js').Conversation} Conversation */
/** @typedef {import('../history.js').Message} Message */
/** @typedef {{ user: import('../model.js').UserRef, message_id: number }} Receipt */

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
  const { conversation, joined, mayWrite, isAnother, changed } = await standing(id);
  const known = conversation();
  let shown = false;
  /** @type {Map<number, Receipt>} */
  let receipts = new Map();
  /** Those that were heard since they were last asked for. @type {Map<number, Receipt>} */
  let heard = new Map();
  const receiving = readReceipts(known);
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
  const here = talk({
    conversation, joined, mayWrite, marked: at, bar, changed, readers: ({ id: one }) => readers.get(one) ?? [], seen: () => shown && look(),
  });

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

  // Whoever is led to a message far ahead has not read what lies between.
  const unbroken = () => {
    const first = here.history.messages[0]?.id ?? 0;
    return here.history.begun || first <= (conversation().last_read_id ?? 0) || (firstUnread ? first <= firstUnread.id : false);
  };
  const eyes = looking(() => node, () => {
    const newest = here.list.atNewest();
    if (joined && (newest || unbroken())) void model.mark(id, newest ? (here.history.messages.at(-1)?.id ?? 0) : here.list.lastSeen());
  });
  /** The messages among which the readers were placed last. @type {Message[]} */
  let placed = [];
  const look = () => {
    if (placed !== here.history.messages) placeReaders();
    eyes.look();
  };
  /** Each reader's name goes to the last of one's own messages that he has read. Of whoever has read further than is loaded, that is not known. */
  const placeReaders = () => {
    placed = here.history.messages;
    const own = me()?.id;
    const end = here.history.ended ? Infinity : (placed.at(-1)?.id ?? 0);
    const waiting = [...receipts.values()].filter(({ user, message_id }) => user.id !== own && message_id <= end);
    const next = new Map();
    for (let index = placed.length - 1; index >= 0 && waiting.length; index -= 1) {
      const message = /** @type {Message} */ (placed[index]);
      if (!isOwn(message)) continue;
      for (let one = waiting.length - 1; one >= 0; one -= 1) {
        const { user, message_id } = /** @type {Receipt} */ (waiting[one]);
        if (message_id < message.id) continue;
        next.set(message.id, [...(next.get(message.id) ?? []), user.username]);
        waiting.splice(one, 1);
      }
    }
    const same = next.size === readers.size && [...next].every(([key, names]) => names.join() === readers.get(key)?.join());
    readers = next;
    if (!same) here.refresh();
  };
  /** @param {ReturnType<typeof readReceipts>} reading */
  const receive = async (reading) => {
    const mine = (heard = new Map());
    const found = await reading;
    // It could not be read, or is read anew already.
    if (!found || mine !== heard) return;
    // What was heard meanwhile is newer.
    receipts = new Map([...found, ...heard]);
    placeReaders();
  };

  const portrait = h('span.talk-face');
  const title = h('h1');
  const sub = h('p.page-sub');
  const panel = details(id, conversation);
  const head = h(
    'header.page-head.talk-head',
    null,
    h('a.icon-button.back.narrow', { href: '/conversations', 'aria-label': 'Back', title: 'Back' }, icon('back')),
    portrait,
    h('div.page-title', null, title, sub),
    h(
      'div.page-actions',
      null,
      h('a.icon-button.unnarrow', { href: `/search?in=${id}`, 'aria-label': 'Search here', title: 'Search here' }, icon('search')),
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
    fill(portrait, [face(now)]);
    if (node.isConnected) retitle(name);
  };
  const node = h('div.page.conversation-page', null, head, here.body, here.foot);
  drawHead();
  void receive(receiving);
  const ends = [
    model.on(`conversation:${id}`, () => {
      drawHead();
      eyes.look();
      if (node.isConnected && isAnother()) void openAnew();
    }),
    model.on('presence', drawHead),
    model.on(`receipts:${id}`, (receipt) => {
      if (!receipt) {
        void receive(readReceipts(conversation()));
        return;
      }
      for (const all of [receipts, heard]) all.set(receipt.user.id, receipt);
      placeReaders();
    }),
    model.on('messages', ({ conversation_id }) => conversation_id === id && placeReaders()),
  ];
  const turned = () => {
    // What comes while nobody looks is new to whoever comes back.
    const last = here.history.ended ? here.history.messages.at(-1) : null;
    if (document.hidden && last && !conversation().unread) here.mark(last.id);
  };
  document.addEventListener('visibilitychange', turned);
  here.listen();
  return {
    title: model.title(conversation()),
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
      eyes.look();
      if (reply) void attempt(beginReply(reply));
      else if (!at && here.write && matchMedia('(pointer: fine)').matches) here.write.focus();
      else if (!at) { title.tabIndex = -1; title.focus({ preventScroll: true }); }
    },
    close: () => {
      const place = at ? null : here.list.place();
      if (place) places.set(id, place);
      else if (!at) places.delete(id);
      eyes.close();
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

/** @param {Conversation} conversation @returns {Promise<Map<number, Receipt> | null>} null if they could not be read */
async function readReceipts({ id, kind }) {
  if (kind === 'channel') return new Map();
  try {
    const { items } = await client.request('GET', `conversations/${id}/receipts`);
    return new Map(items.map((/** @type {any} */ one) => [one.user.id, one]));
  } catch {
    return null;
  }
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
  const many = conversation.members?.length ?? conversation.member_count ?? 0;
  return `${many === 1 ? '1 member' : `${number(many)} members`}${online ? `, ${number(online)} online` : ''}`;
}
