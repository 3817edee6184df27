// @ts-check
/** `/contacts`: who asked, who may write, whom one has asked. */

import { fill, h } from '../dom.js';
import { is } from '../explain.js';
import { model } from '../model.js';
import { avatar } from '../parts/avatar.js';
import { empty, region } from '../parts/empty.js';
import { form } from '../parts/form.js';
import { row } from '../parts/listing.js';
import { moreButton } from '../parts/menu.js';
import { personField } from '../parts/person.js';
import { attempt, toast } from '../parts/toast.js';
import { client } from '../session.js';
import { page } from '../shell.js';
import { number, since, time, userPath } from '../words.js';

/** @typedef {{ user: import('../../goldcrest.js').UserRef, state: 'pending' | 'approved' | 'rejected', requested_at: string | null, answered_at: string | null }} Contact */

/** So many of each list are shown; who has more finds people by name. */
const SHOWN = 500;

/** What came of a request that was made before. */
const BEFORE = { pending: 'You have asked before, and are still waiting for an answer.', approved: 'You have asked before, and are contacts.', rejected: 'You have asked before, and were rejected.' };

/** @type {import('../router.js').Opener} */
export function open() {
  const lists = region(async () => {
    const [received, sent] = await Promise.all([all('received'), all('sent')]);
    const pick = (/** @type {Contact[]} */ from, /** @type {string} */ state) => from.filter((one) => one.state === state);
    const known = new Map(sent.map((one) => [one.user.id, one.state]));
    const open = new Map(sent.filter(({ state, requested_at }) => state !== 'approved' && requested_at).map((one) => [one.user.id, one]));
    const people = pick(received, 'approved').filter(({ user }) => !open.has(user.id)).sort((one, other) => one.user.username.localeCompare(other.user.username));
    return [
      section('Waiting for your answer', pick(received, 'pending'), asking),
      people.length || received.length || open.size
        ? section('Contacts', people, (one) => approved(one, known.get(one.user.id)))
        : empty({ icon: 'contacts', title: 'No contacts yet', text: 'Ask somebody above. Your contacts may write to you also when your inbox is closed to others.' }),
      section('Asked by you', [...open.values()], asked),
      section('Rejected', pick(received, 'rejected'), rejected),
    ];
  }, { label: 'Contacts' });
  const name = personField({ label: 'Ask for contact', placeholder: 'A username' });
  const { node } = form({
    fields: [name],
    action: 'Ask',
    label: 'Ask for contact',
    send: async ({ username }) => {
      const answer = await client.request('POST', 'contacts', { body: { username } }).catch(async (error) => {
        if (!is(error, 'already_requested')) throw error;
        return { before: (await all('sent')).find(({ user }) => user.username === username || user.username.toLowerCase() === username.toLowerCase())?.state };
      });
      if ('before' in answer) {
        name.fail(BEFORE[/** @type {keyof typeof BEFORE} */ (answer.before)] ?? 'You have asked before.');
        name.input.focus();
        return;
      }
      name.input.value = '';
      toast(answer.state === 'approved' ? `You and ${username} are contacts.` : `${username} was asked.`);
    },
    explains: (error) => {
      if (is(error, 'not_found')) return { field: 'username', text: 'Nobody is called so.' };
      return null;
    },
  });
  node.classList.add('line-form');
  const ends = [model.on('contacts', () => void lists.reload()), model.on('presence', () => dots(lists.node))];
  return { title: 'Contacts', node: page('Contacts', [node, lists.node]), close: () => ends.forEach((end) => end()) };
}

/** @param {'received' | 'sent'} direction @returns {Promise<Contact[]>} */
async function all(direction) {
  const found = [];
  for await (const one of client.list('contacts', { direction, limit: 200 })) {
    found.push(one);
    if (found.length >= SHOWN) break;
  }
  return found;
}

/** @param {string} title @param {Contact[]} contacts @param {(contact: Contact) => HTMLElement} show */
function section(title, contacts, show) {
  if (!contacts.length) return null;
  return h('section.block', null, h('h2', null, title, h('span.count', null, number(contacts.length))), h('ul.rows', null, contacts.map(show)));
}

/** @param {Contact} contact @param {import('../dom.js').Child} sub @param {import('../dom.js').Child} actions */
function person({ user }, sub, actions) {
  const face = h('span.face', { 'data-user': user.username }, avatar(user, { online: model.isOnline(user.username) }));
  return row({ face, title: user.username, sub, href: userPath(user.username), actions });
}

/** Who is online is somebody else now. @param {HTMLElement} node */
function dots(node) {
  for (const face of node.querySelectorAll('[data-user]')) {
    const username = face.getAttribute('data-user') ?? '';
    fill(face, [avatar({ username }, { online: model.isOnline(username) })]);
  }
}

/** @param {string} label @param {() => Promise<unknown>} act @param {string} [kind] */
const button = (label, act, kind = '') => h('button', { type: 'button', class: kind, onclick: () => void attempt(act()) }, label);

/** @param {Contact} contact */
function asking(contact) {
  const { username } = contact.user;
  return person(contact, contact.requested_at && ['Asked ', time(contact.requested_at, since)], [
    button('Reject', () => say(username, 'rejected')),
    button('Approve', () => say(username, 'approved'), 'primary'),
  ]);
}

/** @param {Contact} contact @param {string | undefined} theirs what they say to oneself */
function approved(contact, theirs) {
  const { username } = contact.user;
  const sub = theirs === 'pending' ? 'Has not answered you yet' : theirs === 'rejected' ? 'Does not want messages from you' : model.isOnline(username) ? 'Online' : null;
  return person(contact, sub, [
    h('a.button', { href: `/new?${new URLSearchParams({ to: username })}` }, 'Write'),
    moreButton(`More about ${username}`, () => [
      { label: 'Profile', icon: 'contacts', href: userPath(username) },
      { label: 'Reject', icon: 'blocks', act: () => void attempt(say(username, 'rejected')) },
      { label: 'Forget', icon: 'trash', danger: true, act: () => void attempt(forget(username)) },
    ]),
  ]);
}

/** @param {Contact} contact */
function asked(contact) {
  const { username } = contact.user;
  if (contact.state === 'rejected') return person(contact, 'Does not want to be your contact', button('Forget', () => forget(username)));
  return person(contact, contact.requested_at && ['Asked ', time(contact.requested_at, since)], button('Take back', () => forget(username)));
}

/** @param {Contact} contact */
function rejected(contact) {
  const { username } = contact.user;
  return person(contact, contact.answered_at && ['Rejected ', time(contact.answered_at, since)], [
    button('Forget', () => forget(username)),
    button('Approve', () => say(username, 'approved')),
  ]);
}

/** @param {string} username @param {'approved' | 'rejected'} state */
export async function say(username, state) {
  await client.request('PUT', `contacts/${encodeURIComponent(username)}`, { body: { state } });
  toast(state === 'approved' ? `${username} may write to you.` : `${username} was rejected.`);
}

/** @param {string} username */
export async function forget(username) {
  await client.request('DELETE', `contacts/${encodeURIComponent(username)}`);
  toast(`${username} is no contact of yours any more.`);
}
