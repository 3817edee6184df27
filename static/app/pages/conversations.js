// @ts-check
/** `/conversations`: on a phone, the list beside other pages; on a wide screen, a word where a conversation would stand. */

import { h } from '../dom.js';
import { empty } from '../parts/empty.js';
import { page } from '../shell.js';

/** @type {import('../router.js').Opener} */
export function open() {
  const write = h('a.button.primary', { href: '/new' }, 'New message');
  const text = 'Choose one from the list, or write to somebody.';
  return { title: 'Conversations', node: page('Conversations', empty({ icon: 'chats', title: 'No conversation chosen', text, action: write })) };
}
