// @ts-check
/** Taking all that is one's own along, and leaving. */

import { h } from '../dom.js';
import { is } from '../explain.js';
import { confirm, dialog } from '../parts/dialog.js';
import { field, form } from '../parts/form.js';
import { icon } from '../parts/icons.js';
import { section } from '../parts/section.js';
import { toast } from '../parts/toast.js';
import { go } from '../router.js';
import { client } from '../session.js';

/** @typedef {import('./settings.js').Account} Account */

/** @param {unknown} error */
const wrongPassword = (error) => (is(error, 'invalid_credentials') ? { field: 'password', text: 'That is not your password.' } : null);

const passwordField = () => field({ name: 'password', label: 'Your password', type: 'password', required: true, autocomplete: 'current-password', focus: true });

/** @param {Account} account */
export function farewell(account) {
  return [
    section('Your data', h('div', null, h('button', { type: 'button', onclick: () => exporting(account) }, icon('download'), 'Export')),
      'One file with your account, contacts, conversations and all messages that you can read.'),
    section('Delete the account', h('div', null, h('button.danger', { type: 'button', onclick: () => leaving(account) }, 'Delete the account…')),
      'Nobody can bring it back, and nobody gets your name again.'),
  ];
}

/** @param {Account} account */
function exporting({ username }) {
  const { node } = form({
    fields: [passwordField()],
    action: 'Export',
    label: 'Export',
    send: async ({ password }) => {
      const answer = await client.fetch('POST', 'me/export', { body: { password } });
      const url = URL.createObjectURL(await answer.blob());
      const day = new Date().toISOString().slice(0, 10);
      h('a', { href: url, download: `goldcrest-${username}-${day}.ndjson` }).click();
      // The browser reads it after this.
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      box.close();
      toast('The export was saved among your downloads.');
    },
    explains: (error) => (is(error, 'not_found', 'method_not_allowed') ? { text: 'This server makes no exports. A newer one does.' } : wrongPassword(error)),
  });
  const box = dialog({ title: 'Export your data', body: [h('p.quiet', null, 'The file has a JSON object on each line. It holds all that you can read: keep it well.'), node] });
}

/** @param {Account} account */
function leaving({ username }) {
  const fields = [
    field({ name: 'messages', label: 'Your messages', type: 'select', value: 'keep', options: [['keep', 'Stay, under the name of a deleted user'], ['delete', 'Are deleted for all']] }),
    passwordField(),
  ];
  const { node } = form({
    fields,
    action: 'Delete the account',
    label: 'Delete the account',
    danger: true,
    send: async ({ messages, password }) => {
      const sure = await confirm({ title: `Delete ${username} for good?`, text: 'There is no way back.', action: 'Delete for good', danger: true });
      if (!sure) return;
      await client.request('DELETE', 'me', { body: { messages, password } });
      box.close();
      await client.logout().catch(() => {});
      go('/login', { replace: true });
      toast('The account is deleted.');
    },
    explains: wrongPassword,
  });
  const box = dialog({ title: 'Delete the account', body: [h('p', null, 'You are logged out everywhere. Your address, contacts and groups are forgotten; keys end.'), node] });
}
