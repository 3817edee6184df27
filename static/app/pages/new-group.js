// @ts-check
/** `/groups/new`: a group with a name and its first members. */

import { h } from '../dom.js';
import { is } from '../explain.js';
import { model } from '../model.js';
import { field, form } from '../parts/form.js';
import { peoplePicker } from '../parts/people-picker.js';
import { go } from '../router.js';
import { client } from '../session.js';
import { page } from '../shell.js';

/** @type {import('../router.js').Opener} */
export function open({ query }) {
  const picker = peoplePicker({ label: 'Members', people: query.getAll('to'), most: 100 });
  const { node, button } = form({
    fields: [field({ name: 'name', label: 'Name of the group', required: true, maxlength: 100, autocomplete: 'off', focus: true })],
    action: 'Make the group',
    label: 'New group',
    send: async ({ name }) => {
      const made = await client.request('POST', 'conversations', { body: { kind: 'group', name: name.trim(), members: picker.people() } });
      model.keep(made);
      go(`/conversations/${made.id}`, { replace: true });
    },
    explains: (error) => {
      if (is(error, 'not_a_contact')) return { text: 'One of them is added by contacts only.' };
      if (is(error, 'blocked')) return { text: 'One of them does not want to be added by you.' };
      if (is(error, 'group_name_taken')) return { field: 'name', text: 'You have a group of this name already.' };
      return null;
    },
  });
  button.parentElement?.before(picker.node);
  const text = 'Members see each other, and what is said while they are in it. You can add others later.';
  return { title: 'New group', node: page('New group', [h('p.quiet', null, text), node], { back: '/new' }) };
}
