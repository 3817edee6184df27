// @ts-check
/** `/`: everything that was sent and received, in all conversations, the newest first. */

import { h } from '../dom.js';
import { model } from '../model.js';
import { cards } from '../parts/cards.js';
import { empty } from '../parts/empty.js';
import { icon } from '../parts/icons.js';
import { waiting } from '../parts/waiting.js';
import { page } from '../shell.js';

/** @type {import('../router.js').Opener} */
export async function open() {
  const write = h('a.button.primary', { href: '/new' }, 'New message');
  const all = await cards({
    path: 'messages',
    accepts: () => true,
    label: 'All messages',
    none: empty({ icon: 'all', title: 'Nothing was sent or received yet', text: 'What you write, and what others write to you, stands here.', action: write }),
  });
  const pending = waiting({
    belongs: () => true,
    to: ({ message: { to, conversation_id } }) => {
      const known = conversation_id ? model.conversation(conversation_id) : null;
      return to ? `to ${to.join(', ')}` : known ? `to ${model.title(known)}` : null;
    },
    changed: () => {},
  });
  all.before(pending.node);
  return {
    title: 'All messages',
    node: page('All messages', all.node, { actions: h('span.narrow', null, h('a.icon-button', { href: '/search', 'aria-label': 'Search', title: 'Search' }, icon('search')), h('a.icon-button', { href: '/new', 'aria-label': 'New message', title: 'New message' }, icon('write'))) }),
    focus: all.focus,
    close: () => {
      pending.close();
      all.close();
    },
  };
}
