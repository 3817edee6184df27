// @ts-check
/** Messages and the box to write more: what a conversation and a thread are made of. */

import { fill, h } from '../dom.js';
import { History, emptied } from '../history.js';
import { model } from '../model.js';
import { client, me } from '../session.js';
import { few, number } from '../words.js';
import { actOn, edit, keyOn } from './actions.js';
import { composer } from './composer.js';
import { empty } from './empty.js';
import { icon } from './icons.js';
import { authorOf, bubble, daysBegin, excerpt, goesOn, isOwn } from './message.js';
import { overhear } from './overhearing.js';
import { scroller, walk } from './scroller.js';
import { attempt, complain } from './toast.js';
import { waiting } from './waiting.js';

/** @typedef {import('../history.js').Message} Message */
/** @typedef {import('../model.js').Conversation} Conversation */

/**
 * @param {object} what
 * @param {() => Conversation} what.conversation
 * @param {Message | null} [what.thread] the message that all here reply to
 * @param {boolean} what.joined whether one is in it
 * @param {boolean} what.mayWrite
 * @param {number | null} [what.marked] a message that is pointed at
 * @param {import('../dom.js').Child} [what.bar] stands where one may not write
 * @param {(message: Message) => string[]} [what.readers]
 * @param {() => void} [what.seen] called when what can be seen may be something else
 * @param {(message: Message) => boolean} [what.shows] shows a message that stands elsewhere on the page as it is now
 * @param {(event: import('../../goldcrest.js').Event) => void} [what.changed] called with what happened to a channel that one is not in
 */
export function talk({ conversation, thread = null, joined, mayWrite, marked = null, bar, readers = () => [], seen, shows = () => false, changed: told = () => {} }) {
  const { id } = conversation();
  const history = new History({
    path: thread ? `messages/${thread.id}/replies` : `conversations/${id}/messages`,
    accepts: (message) => (thread ? message.thread_id === thread.id : message.conversation_id === id),
    changed: () => changed(),
  });
  /** After which message the unread ones began when the page was opened. @type {number | null} */
  let line = null;
  /** @type {Map<number, Message | null>} */
  const roots = new Map();
  const rootOf = (/** @type {Message} */ { thread_id }) => (thread_id === null || thread ? null : (history.find(thread_id) ?? roots.get(thread_id) ?? null));
  const startsUnread = (/** @type {Message} */ message, /** @type {Message | null} */ before) => line !== null && message.id > line && (before === null || before.id <= line);

  const list = scroller({
    label: thread ? 'Replies' : 'Messages',
    history,
    context: (message, before) => {
      const root = rootOf(message);
      return [goesOn(message, before), daysBegin(message, before, history.begun), startsUnread(message, before), root?.id, root?.edited_at, root?.deleted_at, readers(message).join()].join('|');
    },
    row: (message, before) => {
      if (message.thread_id !== null && !thread && !rootOf(message)) void fetchRoot(message.thread_id);
      return bubble(message, before, {
        day: daysBegin(message, before, history.begun), root: rootOf(message), readers: readers(message), unreadLine: startsUnread(message, before), marked: message.id === marked, inThread: thread !== null,
      });
    },
    head: () => (thread ? null : h('p.window-begin', null, 'This is where it begins.')),
    scrolled: () => {
      pill();
      seen?.();
    },
  });

  /** @type {Promise<unknown>} */
  let fetching = Promise.resolve();
  /** Roots are asked for one after the other, each once. @param {number} root */
  function fetchRoot(root) {
    if (roots.has(root)) return;
    roots.set(root, null);
    fetching = fetching.then(async () => {
      try {
        roots.set(root, await client.request('GET', `messages/${root}`));
        list.refresh();
      } catch {
        // It may not be seen any more; the reply can.
      }
    });
  }

  /** Roots that are quoted but stand elsewhere are kept up too. @param {import('../../goldcrest.js').Event} event */
  function keepRoots({ type, data, at, conversation_id }) {
    if (type === 'reset') roots.clear();
    for (const [key, root] of roots) {
      if (!root) continue;
      if (type === 'messages.expired' && conversation_id === id && key <= data.up_to) roots.set(key, emptied(root, at));
      else if (data?.id !== key) continue;
      else if (type === 'message.updated') roots.set(key, { ...root, ...data });
      else if (type === 'message.deleted') roots.set(key, emptied(root, data.deleted_at));
      else if (type === 'message.hidden') roots.set(key, null);
      else continue;
      list.refresh();
    }
    if (type === 'reset') list.refresh();
  }

  const pending = waiting({
    belongs: ({ message }) => {
      if (thread && message.thread_id !== thread.id) return false;
      if (message.conversation_id !== undefined) return message.conversation_id === id;
      return isFor(conversation(), message.to ?? []);
    },
    changed: () => list.refresh(),
    again: (text) => write?.restore(text),
  });
  const nothing = h('div.talk-empty', { hidden: true });
  list.node.append(nothing, pending.node);

  const down = h('button.newest', { type: 'button', hidden: true, onclick: () => void attempt(toEnd()) });
  const heard = h('div.heard', { 'aria-live': 'polite', 'aria-atomic': 'false' });
  const typists = h('p.typing', { 'aria-live': 'polite' });
  let fresh = 0;

  const pill = () => {
    if (list.atNewest()) fresh = 0;
    down.hidden = list.atNewest() || !history.messages.length || (history.ended && distance() < 400 && !fresh);
    const label = fresh ? `Go to ${number(fresh)} new messages` : 'Go to the newest messages';
    // This is asked at every step of a scroll.
    if (down.getAttribute('aria-label') === label) return;
    down.setAttribute('aria-label', label);
    fill(down, [icon('down'), fresh ? `${few(fresh)} new` : 'Newest']);
  };
  const distance = () => list.node.scrollHeight - list.node.scrollTop - list.node.clientHeight;
  const changed = () => {
    nothing.hidden = history.messages.length > 0 || !history.ended;
    if (!nothing.hidden && !nothing.childElementCount) {
      fill(nothing, [empty(thread ? { title: 'No replies yet' } : { icon: 'chats', title: 'Nothing was said here yet', text: mayWrite ? 'Write the first message below.' : null })]);
    }
    list.refresh();
    pill();
    seen?.();
  };
  const toEnd = async () => {
    if (!history.ended) await history.toEnd();
    list.toNewest();
    pill();
  };

  /** @param {string} text @param {Message | null} reply */
  const send = (text, reply) => {
    const thread_id = thread ? thread.id : reply ? (reply.thread_id ?? reply.id) : null;
    try {
      const { client_id, sent } = client.send({ conversation_id: id, text, ...(thread_id !== null && { thread_id }) });
      sent.then((message) => {
        history.add(message);
        if (history.find(message.id)) pending.drop(client_id);
      }, () => {});
    } catch (error) {
      complain(error);
      write?.restore(text);
      return;
    }
    // Whoever speaks has read.
    line = null;
    void attempt(toEnd());
  };
  const doing = {
    reply: mayWrite ? (/** @type {Message} */ message) => (thread ? write?.focus() : write?.reply(message)) : undefined,
    edit: mayWrite ? (/** @type {Message} */ message) => write?.edit(message) : undefined,
    there: !thread,
  };
  const write = mayWrite
    ? composer({
        place: thread ? `thread:${thread.id}` : `conversation:${id}`,
        label: thread ? 'Reply in the thread' : 'Write a message',
        names: () => (conversation().members ?? []).map(({ user }) => user.username).filter((name) => name !== me()?.username),
        send,
        edit: (message, text) => void edit(message, text, (as) => shows(as) || history.replace(as)),
        last: () => history.messages.findLast((message) => isOwn(message) && !message.deleted_at) ?? null,
        typing: (now) => client.typing(id, now ? {} : { stopped: true }),
      })
    : null;
  actOn(list.list, (key) => history.find(key), doing);
  walk(list.list, (row, { key }) => {
    if (key === 'Escape') {
      write?.focus();
      return true;
    }
    const message = history.find(Number(row.dataset.key));
    return message ? keyOn(message, row, key, doing) : false;
  });
  // From the box into the list, and along it.
  list.node.addEventListener('keydown', (key) => {
    if (key.target === list.node && key.key === 'ArrowUp') /** @type {HTMLElement | null} */ (list.list.lastElementChild)?.focus();
    if (key.key === 'End' && key.target !== write?.box) void attempt(toEnd());
  });
  list.list.addEventListener('focusin', (focus) => tabStop(/** @type {HTMLElement} */ (focus.target)));
  const tabStop = (/** @type {HTMLElement} */ target) => {
    const row = /** @type {HTMLElement | null} */ (target.closest('[data-key]'));
    for (const one of list.list.querySelectorAll('[data-key][tabindex="0"]')) /** @type {HTMLElement} */ (one).tabIndex = -1;
    if (row) row.tabIndex = 0;
  };
  list.node.tabIndex = 0;
  list.node.setAttribute('role', 'region');
  list.node.setAttribute('aria-label', thread ? 'Replies' : 'Messages');

  const showTyping = () => {
    const names = model.typing(id);
    const text = names.length === 0 ? '' : names.length === 1 ? `${names[0]} is typing…` : names.length < 4 ? `${names.join(', ')} are typing…` : 'Several people are typing…';
    if (typists.textContent !== text) fill(typists, [text]);
  };
  const ends = [
    model.on(`typing:${id}`, showTyping),
    model.on('messages', keepRoots),
    model.on('messages', ({ type, data }) => {
      if (type !== 'message.created' || data.conversation_id !== id || isOwn(data) || !history.find(data.id)) return;
      if (!list.atNewest()) fresh += 1;
      pill();
      fill(heard, [`${authorOf(data)}: ${excerpt(data, 300)}`]);
    }),
  ];
  showTyping();
  // A conversation grows from below, replies grow below their root.
  const body = h('div.talk', { class: thread ? '' : 'rising' }, list.node, down, heard);
  const foot = h('div.talk-foot', null, typists, write?.node ?? bar);
  return {
    history,
    list,
    body,
    foot,
    write,
    pill,
    refresh: () => list.refresh(),
    /** Where the line above new messages stands. @param {number | null} after */
    mark(after) {
      line = after;
    },
    /** From what is loaded now on, hears what happens here also if one is not in it. */
    listen() {
      if (!joined && conversation().kind === 'channel') ends.push(overhear(conversation, history.head, told));
    },
    close() {
      for (const end of ends) end();
      write?.close();
      pending.close();
      list.close();
      history.close();
    },
  };
}

/** Whether what was sent to these people stands in this conversation. @param {Conversation} conversation @param {string[]} to */
function isFor({ kind, members }, to) {
  if (kind !== 'direct' || !members) return false;
  const fold = (/** @type {string} */ name) => name.normalize('NFC').toLowerCase();
  const own = fold(me()?.username ?? '');
  const there = members.map(({ user }) => fold(user.username)).filter((name) => name !== own);
  const wanted = new Set(to.map(fold).filter((name) => name !== own));
  return there.length === wanted.size && there.every((name) => wanted.has(name));
}
