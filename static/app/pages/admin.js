// @ts-check
/** `/admin`: accounts, invitations, channels. Administrators read nobody's conversations. */

import { fill, h } from '../dom.js';
import { avatar, emblem } from '../parts/avatar.js';
import { copyable } from '../parts/copy.js';
import { confirm, dialog } from '../parts/dialog.js';
import { empty } from '../parts/empty.js';
import { field, form } from '../parts/form.js';
import { icon } from '../parts/icons.js';
import { listing, row } from '../parts/listing.js';
import { tabs } from '../parts/tabs.js';
import { attempt, toast } from '../parts/toast.js';
import { about, client, me } from '../session.js';
import { missing, page } from '../shell.js';
import { onDay, number, time, userPath } from '../words.js';
import { moderation } from './moderation.js';

/** @typedef {{ id: number, username: string, status: 'pending' | 'active' | 'suspended' | 'deleted', admin: boolean, email: string | null, email_confirmed: boolean, created_at: string }} Account */
/** @typedef {{ id: number, name: string, uses_left: number, used: number, created_by: { username: string } | null, created_at: string, expires_at: string }} Invitation */

const DAY = 24 * 60 * 60;

/** @type {import('../router.js').Opener} */
export function open(place) {
  if (!me()?.admin) return missing(place);
  const body = tabs('Administration', place, [
    { name: 'users', label: 'Users', open: users },
    { name: 'invitations', label: 'Invitations', open: invitations },
    { name: 'channels', label: 'Channels', open: channels },
  ]);
  return { title: 'Administration', node: page('Administration', body.node, { wide: true, back: '/settings' }), close: body.close };
}

function users() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const prefix = /** @type {HTMLInputElement} */ (h('input', {
    type: 'search', placeholder: 'Names that begin with…', 'aria-label': 'Names that begin with', autocomplete: 'off', autocapitalize: 'none',
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => void list.reload(), 250); },
  }));
  /** @type {[string, string][]} */
  const states = [['', 'All'], ['active', 'In use'], ['pending', 'Not activated'], ['suspended', 'Suspended'], ['deleted', 'Deleted']];
  const status = /** @type {HTMLSelectElement} */ (
    h('select', { 'aria-label': 'State', onchange: () => void list.reload() }, states.map(([value, words]) => h('option', { value }, words)))
  );
  const list = listing({
    path: 'admin/users',
    query: () => ({ prefix: prefix.value.trim() || null, status: status.value || null }),
    label: 'Users',
    row: (/** @type {Account} */ account) => user(account, () => void list.reload()),
    none: empty({ icon: 'search', title: 'Nobody is called so' }),
  });
  return { node: h('div', null, h('div.filters', null, prefix, status), list.node) };
}

const STATES = { pending: 'Not activated', active: '', suspended: 'Suspended', deleted: 'Deleted' };

/** @param {Account} account @param {() => void} changed */
function user({ id, username, status, admin, email, email_confirmed, created_at }, changed) {
  const suspended = status === 'suspended';
  const own = id === me()?.id;
  const act = async () => {
    const text = `${username} is logged out everywhere and shut out until you let them in again. Nothing of it is deleted, but its API keys end for good.`;
    if (!suspended && !(await confirm({ title: `Suspend ${username}?`, text, action: 'Suspend', danger: true }))) return;
    await client.request('POST', `admin/users/${encodeURIComponent(username)}/${suspended ? 'unsuspend' : 'suspend'}`);
    toast(suspended ? `${username} may log in again.` : `${username} is suspended.`);
    changed();
  };
  const mail = email ? ` · ${email}${email_confirmed ? '' : ' (not confirmed)'}` : '';
  return row({
    face: avatar({ username }),
    title: [username, admin && h('span.tag', null, 'Administrator'), STATES[status] && h('span.tag', { class: suspended ? 'bad' : '' }, STATES[status])],
    sub: ['Since ', time(created_at, onDay), mail],
    href: userPath(username),
    actions: own || status === 'deleted' ? null : h('button', { type: 'button', onclick: () => void attempt(act()) }, suspended ? 'Let in again' : 'Suspend'),
  });
}

function invitations() {
  const list = listing({
    path: 'invitations',
    label: 'Invitations',
    row: (/** @type {Invitation} */ invitation) => row({
      face: h('span.avatar.neutral', { 'aria-hidden': 'true' }, icon('group')),
      title: [invitation.name || `Invitation ${invitation.id}`, Date.parse(invitation.expires_at) < Date.now() && h('span.tag.bad', null, 'Run out')],
      sub: [
        `${number(invitation.used)} used, ${number(invitation.uses_left)} left · until `, time(invitation.expires_at, onDay),
        invitation.created_by && ` · by ${invitation.created_by.username}`,
      ],
      actions: h('button', { type: 'button', onclick: () => void attempt(withdraw(invitation).then(() => list.reload())) }, 'Withdraw'),
    }),
    none: empty({ icon: 'group', title: 'No invitations', text: 'Who opens an invitation’s link may make an account here, also where registering is not open to all.' }),
  });
  const make = h('button.primary', { type: 'button', onclick: () => invite(() => void list.reload()) }, icon('plus'), 'Invite');
  const hint = h('p.quiet');
  void about().then(({ registration }) => fill(hint, [{ open: 'Anybody may register here.', invite: 'Whoever registers here needs an invitation.', closed: 'Nobody can register here, not even with an invitation.' }[registration]]), () => {});
  return { node: h('div', null, h('div.filters', null, hint, make), list.node) };
}

/** @param {Invitation} invitation */
async function withdraw(invitation) {
  const sure = await confirm({ title: 'Withdraw this invitation?', text: 'Its link lets nobody in any more. Who is here already stays.', action: 'Withdraw', danger: true });
  if (!sure) return;
  await client.request('DELETE', `invitations/${invitation.id}`);
  toast('The invitation is good no more.');
}

/** @param {() => void} made */
function invite(made) {
  const fields = [
    field({ name: 'name', label: 'For whom', maxlength: 100, autocomplete: 'off', hint: 'A note for you: “the neighbours”.' }),
    field({ name: 'uses', label: 'How many people', type: 'number', value: '1', required: true, more: { min: '1', max: '1000', inputmode: 'numeric' } }),
    field({ name: 'expires_in', label: 'Good for', type: 'select', value: String(7 * DAY), options: [[String(DAY), 'A day'], [String(7 * DAY), 'A week'], [String(30 * DAY), '30 days'], [String(365 * DAY), 'A year']] }),
  ];
  const { node } = form({
    fields,
    action: 'Make the invitation',
    label: 'New invitation',
    send: async ({ name, uses, expires_in }) => {
      const { token } = await client.request('POST', 'invitations', { body: { name: name.trim(), uses: Number(uses), expires_in: Number(expires_in) } });
      box.fill(
        h('p', { role: 'status' }, 'Give this link to whom you invite. It is not shown again.'),
        copyable(`${location.origin}/invitations/${encodeURIComponent(token)}`, 'Invitation'),
        h('div.actions', null, h('button', { type: 'button', onclick: () => box.close() }, 'Done')),
      );
      box.node.querySelector('input')?.focus();
      made();
    },
  });
  const box = dialog({ title: 'New invitation', body: [node] });
}

function channels() {
  const list = listing({
    path: 'channels',
    query: () => ({ limit: 200 }),
    label: 'Channels',
    row: (/** @type {{ id: number, name: string, created_at: string }} */ { id, name, created_at }) => row({
      face: emblem(name, 'channels'),
      title: name,
      sub: ['Since ', time(created_at, onDay)],
      href: `/conversations/${id}`,
      actions: h('button', { type: 'button', onclick: () => moderation({ id, name }) }, 'Messages…'),
    }),
    none: empty({ icon: 'channels', title: 'No channels yet' }),
  });
  const hint = h('p.quiet', null, 'In channels, which anybody may read, you can delete anybody’s message for all.');
  return { node: h('div', null, hint, list.node) };
}
