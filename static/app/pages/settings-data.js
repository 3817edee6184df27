// @ts-check
/** Taking all that is one's own along, and leaving. */

import { fill, h } from '../dom.js';
import { is } from '../explain.js';
import { confirm, dialog } from '../parts/dialog.js';
import { field, form } from '../parts/form.js';
import { icon } from '../parts/icons.js';
import { passwordField, wrongPassword } from '../parts/password.js';
import { section } from '../parts/section.js';
import { toast } from '../parts/toast.js';
import { client } from '../session.js';
import { number } from '../words.js';

/** @typedef {import('./settings.js').Account} Account */

/** So many bytes are held at once where no file can be written to. */
const PIECE = 4_000_000;

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
  const said = h('p.quiet', { role: 'status' });
  const { node } = form({
    fields: [passwordField({ focus: true })],
    action: 'Export',
    label: 'Export',
    send: async ({ password }) => {
      const name = `goldcrest-${username}-${new Date().toISOString().slice(0, 10)}.ndjson`;
      const file = await chooseFile(name);
      if (file === null) return;
      try {
        const answer = await client.fetch('POST', 'me/export', { body: { password } });
        if (!answer.body) throw new TypeError('There is no body.');
        if (file) await answer.body.pipeTo(await file.createWritable());
        else save(await gather(answer.body, (bytes) => fill(said, [`${number(Math.round(bytes / 1e5) / 10)} MB so far.`])), name);
      } catch (error) {
        // What was begun is of no use to anybody.
        await file?.remove?.();
        fill(said, []);
        throw error;
      }
      box.close();
      toast(file ? 'The export was saved.' : 'The export was saved among your downloads.');
    },
    explains: (error) => (is(error, 'not_found', 'method_not_allowed') ? { text: 'This server makes no exports. A newer one does.' } : wrongPassword()(error)),
  });
  const box = dialog({ title: 'Export your data', body: [h('p.quiet', null, 'The file has a JSON object on each line. It holds all that you can read: keep it well.'), node, said] });
}

/**
 * Where a file shall be written as it comes, which not all browsers know.
 *
 * @param {string} suggestedName
 * @returns {Promise<any>} undefined if this browser cannot, null if nobody wants it
 */
async function chooseFile(suggestedName) {
  try {
    return await /** @type {any} */ (globalThis).showSaveFilePicker?.({ suggestedName });
  } catch (error) {
    return /** @type {Error} */ (error).name === 'AbortError' ? null : undefined;
  }
}

/** Handed to the browser piece by piece, which may keep it on the disk. @param {ReadableStream<Uint8Array>} body @param {(bytes: number) => void} told */
async function gather(body, told) {
  /** @type {Blob[]} */
  const pieces = [];
  /** @type {BlobPart[]} */
  let chunks = [];
  let held = 0;
  let all = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      chunks.push(/** @type {BlobPart} */ (value));
      held += value.length;
      all += value.length;
    }
    if (done || held > PIECE) {
      pieces.push(new Blob(chunks));
      chunks = [];
      held = 0;
      told(all);
    }
    if (done) return new Blob(pieces, { type: 'application/x-ndjson' });
  }
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: name }).click();
  // The browser reads it after this.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {Account} account */
function leaving({ username }) {
  const fields = [
    field({ name: 'messages', label: 'Your messages', type: 'select', value: 'keep', options: [['keep', 'Stay, under the name of a deleted user'], ['delete', 'Are deleted for all']] }),
    passwordField({ focus: true }),
  ];
  const { node } = form({
    fields,
    action: 'Delete the account',
    label: 'Delete the account',
    danger: true,
    send: async ({ messages, password }) => {
      const sure = await confirm({ title: `Delete ${username} for good?`, text: 'There is no way back.', action: 'Delete for good', danger: true });
      if (!sure) return;
      // It ends the session as well, and what is kept of it here goes, too.
      await client.logout({ by: () => client.request('DELETE', 'me', { body: { messages, password } }) });
      box.close();
      toast('The account is deleted.');
    },
    explains: wrongPassword(),
  });
  const box = dialog({ title: 'Delete the account', body: [h('p', null, 'You are logged out everywhere. Your address, contacts and groups are forgotten; keys end.'), node] });
}
