// @ts-check
/** `/user/NAME`: somebody's profile, and what one can do with it. */

import { h } from '../dom.js';
import { is } from '../explain.js';
import { model } from '../model.js';
import { avatar } from '../parts/avatar.js';
import { confirm } from '../parts/dialog.js';
import { region } from '../parts/empty.js';
import { icon } from '../parts/icons.js';
import { moreButton } from '../parts/menu.js';
import { attempt, toast } from '../parts/toast.js';
import { back } from '../router.js';
import { client, me } from '../session.js';
import { page } from '../shell.js';
import { onDay, rich, since, time } from '../words.js';
import { forget, say } from './contacts.js';

/** @typedef {{ id: number, username: string, bio: string | null, created_at: string }} User */
/** @typedef {import('./contacts.js').Contact} Contact */

/** @type {import('../router.js').Opener} */
export async function open({ parts }) {
  /** @type {User} */
  const user = await client.request('GET', `users/${encodeURIComponent(parts.name ?? '')}`);
  const own = user.id === me()?.id;
  const state = h('p.profile-state', { role: 'status' });
  const body = own ? region(ownProfile) : region(() => theirs(user, () => void body.reload()));
  const shows = async (/** @type {{ online: boolean, last_seen_at: string | null } | null} */ known = null) => {
    state.textContent = sayingOf(known ?? (await presence(user.username)));
  };
  if (!own) void shows();
  const head = h(
    'header.profile-head',
    null,
    avatar(user, { size: 'large' }),
    h('div', null, h('p.profile-name', { 'aria-hidden': 'true' }, user.username), state, h('p.quiet', null, 'Here since ', time(user.created_at, onDay))),
  );
  const bio = user.bio === null
    ? h('p.quiet', null, `${user.username} tells more about themselves to their contacts only.`)
    : user.bio && h('p.bio', null, rich(user.bio));
  const ends = [
    model.on('contacts', () => void body.reload()),
    model.on('blocks', () => void body.reload()),
    model.on('presence', (/** @type {any} */ data) => {
      if (!own && (!data?.user || data.user.username === user.username)) void shows(data?.user ? data : null);
    }),
  ];
  const arrow = h('button.icon-button', { type: 'button', 'aria-label': 'Back', title: 'Back', onclick: () => back('/contacts') }, icon('back'));
  const node = page(user.username, [head, bio, body.node]);
  node.querySelector('.page-head')?.prepend(arrow);
  return { title: user.username, node, close: () => ends.forEach((end) => end()) };
}

async function ownProfile() {
  return [h('div.profile-actions', null, h('a.button', { href: '/settings' }, icon('edit'), 'Change it')), h('p.quiet', null, 'So others see you.')];
}

/** @param {string} username @returns {Promise<{ online: boolean, last_seen_at: string | null } | null>} */
async function presence(username) {
  try {
    const { items } = await client.request('GET', 'presence', { query: { user: username } });
    return items[0] ?? null;
  } catch {
    return null;
  }
}

/** @param {{ online: boolean, last_seen_at: string | null } | null} found */
function sayingOf(found) {
  if (found?.online) return 'Online';
  return found?.last_seen_at ? `Last seen ${since(found.last_seen_at)}` : '';
}

/** @param {'received' | 'sent'} direction @param {number} id @returns {Promise<Contact | null>} */
async function between(direction, id) {
  for await (const one of client.list('contacts', { direction, limit: 200 })) if (one.user.id === id) return one;
  return null;
}

/** @param {User} user @param {() => void} changed */
async function theirs({ id, username }, changed) {
  const [mine, yours, blocks] = await Promise.all([between('received', id), between('sent', id), blocked(id)]);
  const write = h('a.button.primary', { href: `/new?${new URLSearchParams({ to: username })}` }, icon('write'), 'Write');
  const ask = h('button', { type: 'button', onclick: () => void attempt(request(username).then(changed)) }, 'Ask for contact');
  const answer = (/** @type {'approved' | 'rejected'} */ state, /** @type {string} */ label, kind = '') =>
    h('button', { type: 'button', class: kind, onclick: () => void attempt(say(username, state).then(changed)) }, label);
  const more = moreButton('More', () => [
    mine?.state === 'approved' && { label: 'Reject as contact', icon: 'close', act: () => void attempt(say(username, 'rejected').then(changed)) },
    mine && { label: 'Forget as contact', icon: 'trash', act: () => void attempt(forget(username).then(changed)) },
    blocks
      ? { label: 'Unblock', icon: 'blocks', act: () => void attempt(unblock(username).then(changed)) }
      : { label: 'Block', icon: 'blocks', danger: true, act: () => void attempt(block(username).then(changed)) },
  ]);
  return [
    h(
      'div.profile-actions',
      null,
      write,
      mine?.state === 'pending' && [answer('approved', 'Approve', 'primary'), answer('rejected', 'Reject')],
      mine?.state === 'rejected' && answer('approved', 'Approve'),
      !yours && !blocks && ask,
      more,
    ),
    h('ul.facts', null, factsOf(username, mine, yours, blocks).map((fact) => h('li', null, fact))),
  ];
}

/** What is so between the two, in words. @param {string} username @param {Contact | null} mine @param {Contact | null} yours @param {boolean} blocks */
function factsOf(username, mine, yours, blocks) {
  return [
    blocks && `You have blocked ${username}.`,
    mine?.state === 'pending' && `${username} wants to be your contact.`,
    mine?.state === 'approved' && yours?.state === 'approved' && 'You are contacts.',
    mine?.state === 'approved' && yours?.state !== 'approved' && `${username} may write to you.`,
    mine?.state === 'rejected' && `You do not want ${username} as a contact.`,
    yours?.state === 'pending' && yours.requested_at && `You asked ${username}, who has not answered yet.`,
    yours?.state === 'rejected' && `${username} does not want to be your contact.`,
  ].filter(Boolean);
}

/** @param {number} id */
async function blocked(id) {
  for await (const { user } of client.list('blocks', { limit: 200 })) if (user.id === id) return true;
  return false;
}

/** @param {string} username */
async function request(username) {
  try {
    const { state } = await client.request('POST', 'contacts', { body: { username } });
    toast(state === 'approved' ? `You and ${username} are contacts.` : `${username} was asked.`);
  } catch (error) {
    if (!is(error, 'already_requested')) throw error;
  }
}

/** @param {string} username */
async function block(username) {
  const text = `${username} cannot write to you directly any more, nor ask to be your contact, nor see whether you are online. Nobody is told before trying.`;
  if (!(await confirm({ title: `Block ${username}?`, text, action: 'Block', danger: true }))) return;
  await client.request('PUT', `blocks/${encodeURIComponent(username)}`);
  toast(`${username} is blocked.`, { action: 'Undo', act: () => void attempt(unblock(username)) });
}

/** @param {string} username */
async function unblock(username) {
  await client.request('DELETE', `blocks/${encodeURIComponent(username)}`);
  toast(`${username} may write to you again.`);
}
