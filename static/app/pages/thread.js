// @ts-check
/** `/threads/:id`: a message and all that replies to it. */

import { fill, h } from '../dom.js';
import { is } from '../explain.js';
import { emptied } from '../history.js';
import { model } from '../model.js';
import { go, open as openAnew } from '../router.js';
import { actOn } from '../parts/actions.js';
import { icon } from '../parts/icons.js';
import { looking } from '../parts/looking.js';
import { card, isOwn } from '../parts/message.js';
import { standing } from '../parts/standing.js';
import { talk } from '../parts/talk.js';
import { client } from '../session.js';

/** @typedef {import('../history.js').Message} Message */
/** @typedef {import('../model.js').Conversation} Conversation */

/** So many unread messages are looked through for such as stand here. */
const LOOKED_AT = 200;

/** @type {import('../router.js').Opener} */
export async function open({ parts }) {
  let root = /** @type {Message} */ (await client.request('GET', `messages/${encodeURIComponent(parts.id ?? '')}`));
  // A reply leads to where it belongs.
  if (root.thread_id !== null) root = await client.request('GET', `messages/${root.thread_id}`);
  const id = root.conversation_id;
  const { conversation, joined, mayWrite, isAnother, changed } = await standing(id);
  const known = conversation();
  const says = joined ? 'Only owners write here.' : known.kind === 'channel' ? ['You are looking into this channel.', h('a.button', { href: `/conversations/${id}` }, 'To the channel')] : 'You are not in this conversation any more.';
  let shown = false;
  const here = talk({
    conversation, thread: root, joined, mayWrite, bar: h('p.talk-bar', null, says), changed, seen: () => shown && eyes.look(),
    // The box edits what it was given, and the root is not among the replies.
    shows: (message) => {
      if (message.id !== root.id) return false;
      root = { ...root, ...message };
      draw();
      return true;
    },
  });
  try {
    await here.history.toEnd();
  } catch (error) {
    here.close();
    throw error;
  }

  const top = h('ol.thread-root', { 'aria-label': 'The message that began it' });
  const draw = () => {
    const row = card(root, { begins: true });
    row.dataset.key = String(root.id);
    row.append(h('button.icon-button.card-more', { type: 'button', 'data-act': 'more', 'aria-label': 'More', 'aria-haspopup': 'menu' }, icon('more')));
    fill(top, [row]);
  };
  draw();
  actOn(top, () => root, { reply: () => here.write?.focus(), edit: isOwn(root) ? (message) => here.write?.edit(message) : undefined });
  const reread = async () => {
    try {
      root = await client.request('GET', `messages/${root.id}`);
      draw();
    } catch (error) {
      if (is(error, 'not_found')) go('/threads', { replace: true });
    }
  };
  const ends = [
    model.on('messages', ({ type, data, at, conversation_id }) => {
      if (type === 'reset') {
        void reread();
        return;
      }
      const expired = type === 'messages.expired' && conversation_id === id && root.id <= data.up_to;
      if (!expired && data?.id !== root.id) return;
      if (type === 'message.hidden') go('/threads', { replace: true });
      else if (type === 'message.updated') root = { ...root, ...data };
      else if (expired || type === 'message.deleted') root = emptied(root, data.deleted_at ?? at);
      draw();
    }),
    model.on(`conversation:${id}`, () => {
      eyes.look();
      if (node.isConnected && isAnother()) void openAnew();
    }),
  ];
  // What was read is one place in the whole conversation: it moves on only as far as nothing unread stands between.
  const eyes = looking(() => node, async () => {
    const seen = here.list.lastSeen();
    const { unread, last_read_id } = conversation();
    if (!joined || !unread || seen <= (last_read_id ?? 0)) return;
    const query = { conversation_id: id, unread: true, after: 0, limit: LOOKED_AT };
    const { items } = /** @type {{ items: Message[] }} */ (await client.request('GET', 'messages', { query }));
    const other = items.findIndex((one) => one.id > seen || (one.thread_id !== root.id && one.id !== root.id));
    const read = (other < 0 ? items : items.slice(0, other)).at(-1);
    if (read) await model.mark(id, read.id);
  });
  const name = model.title(conversation());
  const node = h(
    'div.page.conversation-page',
    null,
    h(
      'header.page-head',
      null,
      h('a.icon-button.back', { href: '/threads', 'aria-label': 'Back to the threads', title: 'Threads' }, icon('back')),
      h('div.page-title', null, h('h1', null, 'Thread'), h('p.page-sub', null, 'in ', h('a', { href: `/messages/${root.id}` }, `${known.kind === 'channel' ? '#' : ''}${name}`))),
    ),
    top,
    here.body,
    here.foot,
  );
  here.listen();
  return {
    title: `Thread in ${name}`,
    node,
    immersive: true,
    focus: () => {
      shown = true;
      here.list.toNewest();
      here.pill();
      eyes.look();
      if (here.write && matchMedia('(pointer: fine)').matches) here.write.focus();
    },
    close: () => {
      for (const end of ends) end();
      eyes.close();
      here.close();
    },
  };
}
