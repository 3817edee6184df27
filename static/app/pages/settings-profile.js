// @ts-check
/** What others see of oneself, and who may write. */

import { h } from '../dom.js';
import { field, form } from '../parts/form.js';
import { choice, section, toggle } from '../parts/section.js';
import { toast } from '../parts/toast.js';
import { client } from '../session.js';
import { userPath } from '../words.js';

/** @param {Record<string, unknown>} change */
const patch = (change) => client.request('PATCH', 'me', { body: change });

/** @param {import('./settings.js').Account} account */
export function profile(account) {
  const bio = field({ name: 'bio', label: 'About you', type: 'textarea', value: account.bio, maxlength: 2000 });
  const { node } = form({
    fields: [bio],
    action: 'Save',
    label: 'About you',
    send: async (values) => {
      await patch(values);
      toast('Saved.');
    },
  });
  return [
    section('Profile', [
      node,
      choice({
        label: 'Who may read it', value: account.bio_visible, options: [['everyone', 'Everyone here'], ['contacts', 'My contacts only']],
        set: (bio_visible) => patch({ bio_visible }),
      }),
    ], ['You are ', h('a', { href: userPath(account.username) }, account.username), ' to others.']),
    section('Privacy', [
      choice({
        label: 'Who may write to me', value: account.inbox,
        options: [['everyone', 'Everyone here'], ['contacts', 'My contacts only', 'Others have to ask you first. Groups and channels that you are in stay open.']],
        set: (inbox) => patch({ inbox }),
      }),
      // A server that knows nothing of presence says nothing of it.
      account.show_presence !== undefined && toggle({
        label: 'Show when I am online', hint: 'To your contacts, and to those in conversations with you.', value: account.show_presence,
        set: async (show_presence) => { await patch({ show_presence }); },
      }),
    ]),
  ];
}
