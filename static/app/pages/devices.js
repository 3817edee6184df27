// @ts-check
/** `/settings/devices`: where one is logged in, and logging out there. */

import { h } from '../dom.js';
import { model } from '../model.js';
import { confirm } from '../parts/dialog.js';
import { icon } from '../parts/icons.js';
import { listing, row } from '../parts/listing.js';
import { attempt, toast } from '../parts/toast.js';
import { client } from '../session.js';
import { page } from '../shell.js';
import { onDay, since, time } from '../words.js';

/** @typedef {{ id: number, name: string, kind: string, created_at: string, last_used_at: string | null, expires_at: string | null, current: boolean }} Session */

/** @type {import('../router.js').Opener} */
export function open() {
  const list = listing({
    path: 'sessions',
    label: 'Devices',
    none: 'None',
    order: (one, other) => Number(other.current) - Number(one.current),
    row: (/** @type {Session} */ session) => row({
      face: h('span.avatar.neutral', { 'aria-hidden': 'true' }, icon('devices')),
      title: [session.name || nameOf(session.kind), session.current && h('span.tag', null, 'This device')],
      sub: [
        'Logged in ', time(session.created_at, onDay),
        session.last_used_at && [' · used ', time(session.last_used_at, since)],
        session.expires_at && [' · until ', time(session.expires_at, onDay)],
      ],
      actions: session.current ? null : h('button', { type: 'button', onclick: () => void attempt(end(session)) }, 'Log out'),
    }),
  });
  const all = h('button.danger', { type: 'button', onclick: () => void attempt(others()) }, 'Log out everywhere else');
  const close = model.on('sessions', () => void list.reload());
  const hint = h('p.quiet', null, 'Each login is listed here. If you do not know one, log it out and change your password.');
  return { title: 'Devices', node: page('Devices', [hint, list.node, h('div.actions', null, all)], { back: '/settings' }), close };
}

/** @param {string} kind */
const nameOf = (kind) => (kind === 'cookie' ? 'Browser' : kind === 'token' ? 'App' : 'Another program');

/** @param {Session} session */
async function end(session) {
  await client.request('DELETE', `sessions/${session.id}`);
  toast('Logged out there.');
}

async function others() {
  const sure = await confirm({ title: 'Log out everywhere else?', text: 'You stay logged in here. All other devices and programs have to log in again.', action: 'Log out everywhere else', danger: true });
  if (!sure) return;
  for await (const session of client.list('sessions')) if (!session.current) await end(session);
}
