// @ts-check
/** `/settings`: what others see, who may write, how one logs in, how the app looks. */

import { h } from '../dom.js';
import { region } from '../parts/empty.js';
import { icon } from '../parts/icons.js';
import { attempt } from '../parts/toast.js';
import { client, me } from '../session.js';
import { model } from '../model.js';
import { page } from '../shell.js';
import { access } from './settings-access.js';
import { look } from './settings-look.js';
import { farewell } from './settings-data.js';
import { profile } from './settings-profile.js';

/** @typedef {import('../../goldcrest.js').Account} Account */

/** The pages below this one. @type {[string, string, string, string][]} */
const MORE = [
  ['/settings/devices', 'devices', 'Devices', 'Where you are logged in'],
  ['/settings/keys', 'keys', 'API keys', 'For scripts and bots'],
  ['/settings/blocks', 'blocks', 'Blocked', 'Who cannot write to you'],
];

/** @returns {typeof MORE} */
const places = () => [...MORE, ...(me()?.admin ? [/** @type {typeof MORE[number]} */ (['/admin', 'admin', 'Administration', 'Users, invitations, channels'])] : [])];

/** @type {import('../router.js').Opener} */
export function open() {
  const body = region(async () => {
    /** @type {Account} */
    const account = await client.request('GET', 'me');
    return [
      h('nav.more', { 'aria-label': 'More settings' }, places().map(([href, sign, title, text]) => h('a', { href }, icon(sign), h('span', null, h('strong', null, title), h('small', null, text))))),
      profile(account),
      look(),
      access(account),
      farewell(account),
    ];
  });
  const out = h('button', { type: 'button', onclick: () => void attempt(client.logout()) }, icon('leave'), 'Log out');
  // Changed on another device while nobody types here: shown as it is now.
  const close = model.on('me', () => body.node.contains(document.activeElement) || void body.reload());
  return { title: 'Settings', node: page('Settings', body.node, { actions: out }), close };
}
