// @ts-check
/** `/threads`: the threads that one has a part in, by their newest reply. */

import { h } from '../dom.js';
import { model } from '../model.js';
import { empty } from '../parts/empty.js';
import { listing } from '../parts/listing.js';
import { avatar } from '../parts/avatar.js';
import { authorOf, excerpt, isOwn, recipients } from '../parts/message.js';
import { CHATS, page } from '../shell.js';
import { number, time } from '../words.js';

/** @typedef {import('../history.js').Message} Message */

/** Several replies at once are one reason to read the list again. */
const GATHER = 1_000;

/** @type {import('../router.js').Opener} */
export function open() {
  /** The messages that are shown. @type {Set<number>} */
  const shown = new Set();
  const list = listing({
    path: 'threads',
    label: 'Threads',
    row: (thread) => {
      shown.add(thread.root.id).add(thread.last_reply?.id);
      return row(thread);
    },
    none: empty({ icon: 'threads', title: 'No threads yet', text: 'Reply to a message, and its thread stands here. So do those that you began, or are named in.' }),
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon;
  const end = model.on('messages', ({ type, data }) => {
    const isOther = type === 'message.created' ? data.thread_id !== null : type === 'reset' || type === 'messages.expired' || shown.has(data.id);
    if (!isOther) return;
    soon ??= setTimeout(() => {
      soon = undefined;
      // Whoever reads further down is not thrown back.
      if (list.node.querySelectorAll('li').length <= 50) void list.reload();
    }, GATHER);
  });
  return {
    title: 'Threads',
    node: page('Threads', list.node, { up: CHATS }),
    close: () => {
      clearTimeout(soon);
      end();
    },
  };
}

/** @param {{ root: Message, reply_count: number, last_reply: Message, last_activity_at: string }} thread */
function row({ root, reply_count, last_reply, last_activity_at }) {
  return h(
    'li.thread',
    null,
    avatar(root.author, { size: 'small' }),
    h(
      'div.entry-main',
      null,
      h('p.message-head', null, h('span', null, h('b.author', null, isOwn(root) ? 'You' : authorOf(root)), ' ', recipients(root)), time(last_activity_at)),
      h('a.thread-title', { href: `/threads/${root.id}` }, excerpt(root, 160)),
      last_reply && h('p.thread-last', null, h('b', null, isOwn(last_reply) ? 'You: ' : `${authorOf(last_reply)}: `), excerpt(last_reply, 120)),
      h('p.quiet', null, reply_count === 1 ? '1 reply' : `${number(reply_count)} replies`),
    ),
  );
}
