// Opens what opens in the web app, and looks at it: dialogs, menus, completions, notes, and what stands there when something
// is wrong. Each in both looks, on a phone and on a wide screen.
//
//   node tests/browser/states.js path/to/goldcrest
//
// It needs `chromium` in the path and the packages playwright-core and axe-core where `require` finds them (NODE_PATH). With a
// directory as the second argument it leaves a picture of each there.
'use strict';

const assert = require('node:assert/strict');
const { isSound } = require('./sound');
const { PASSWORD, Server, launch, logIn, open, run, says, until } = require('./support');

const menu = (tab) => tab.waitForSelector('.menu');
const dialog = (tab) => tab.waitForSelector('dialog[open]');

/** What there is to see. */
async function furnish(server) {
  server.administrator('root');
  const bob = await server.register('bob');
  const root = await server.logIn('root');
  await server.register('bobby');
  const carol = await server.register('carol');
  const first = await server.call('POST', 'messages', bob, { to: ['root'], text: 'good morning, @root' });
  const direct = first.conversation_id;
  await server.call('POST', 'messages', root, { conversation_id: direct, text: 'and to you' });
  await server.call('POST', 'messages', bob, { conversation_id: direct, thread_id: first.id, text: 'slept well?' });
  const group = await server.call('POST', 'conversations', root, { kind: 'group', name: 'Yard', members: ['bob', 'carol'] });
  await server.call('POST', 'messages', root, { conversation_id: group.id, text: 'a message of mine' });
  const news = await server.call('POST', 'conversations', bob, { kind: 'channel', name: 'News', post: 'owners' });
  await server.call('POST', 'messages', bob, { conversation_id: news.id, text: 'nothing new' });
  const open = await server.call('POST', 'conversations', bob, { kind: 'channel', name: 'Open' });
  await server.call('POST', `conversations/${news.id}/members`, root, {});
  for (const token of [bob, carol]) await server.call('POST', 'contacts', token, { username: 'root' });
  await server.call('PUT', 'contacts/carol', root, { state: 'rejected' });
  await server.call('PUT', 'contacts/bob', root, { state: 'approved' });
  await server.call('POST', 'contacts', root, { username: 'bobby' });
  await server.call('PUT', 'blocks/carol', root);
  return { direct, group: group.id, news: news.id, open: open.id, first: first.id, bob };
}

const unavailable = (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"status":503,"code":"unavailable","detail":"x"}' });
const lastMessage = (tab) => tab.locator('.window .message').last();

/** What passes is told to whoever is there already: it is said again until it is heard. */
const isTyping = (tab, types) => until('bob is typing', async () => {
  await types({ stopped: true });
  await types({});
  return tab.waitForFunction(() => document.body.innerText.includes('bob is typing'), null, { timeout: 2_000 }).then(() => true, () => false);
});

/** By name: where, and what is done there. */
const STATES = ({ direct, group, news, open, first, bob }, server) => ({
  'message menu': [`conversations/${group}`, async (tab) => { await lastMessage(tab).focus(); await tab.keyboard.press('Enter'); await menu(tab); }],
  'deleting': [`conversations/${group}`, async (tab) => { await lastMessage(tab).focus(); await tab.keyboard.press('Delete'); await dialog(tab); }],
  'replying': [`conversations/${direct}`, async (tab) => { await lastMessage(tab).focus(); await tab.keyboard.press('r'); await tab.waitForSelector('.compose-above:not([hidden])'); }],
  'editing': [`conversations/${group}`, async (tab) => { await tab.press('.compose-text', 'ArrowUp'); await tab.waitForSelector('.compose-above:not([hidden])'); }],
  'completion': [`conversations/${group}`, async (tab) => { await tab.locator('.compose-text').pressSequentially('@b'); await tab.waitForSelector('.completion-name'); }],
  'too long': [`conversations/${group}`, async (tab) => { await tab.fill('.compose-text', 'x'.repeat(10_001)); await says(tab, '1 characters too many'); await tab.fill('.compose-text', ''); await tab.fill('.compose-text', 'x'.repeat(9_500)); }],
  'typing': [`conversations/${direct}`, async (tab) => { await isTyping(tab, (what) => server.call('POST', `conversations/${direct}/typing`, bob, what)); }],
  'details': [`conversations/${group}`, async (tab) => { if (await tab.locator('.unwide').isVisible()) { await tab.click('.unwide'); await dialog(tab); } await tab.locator('summary >> visible=true').last().click(); }],
  'member menu': [`conversations/${group}`, async (tab) => { if (await tab.locator('.unwide').isVisible()) { await tab.click('.unwide'); await dialog(tab); } await tab.locator('[aria-label="More about bob"] >> visible=true').click(); await menu(tab); }],
  'looking into a channel': [`conversations/${open}`, (tab) => says(tab, 'You are looking into')],
  'only owners write': [`conversations/${news}`, (tab) => says(tab, 'Only owners write')],
  'a message that is pointed at': [`messages/${first}`, (tab) => tab.waitForSelector('.marked')],
  'picker': ['new', async (tab) => { await tab.locator('.picker-box').pressSequentially('bob'); await tab.waitForSelector('[role=option]'); }],
  'chosen': ['new?to=bob&to=carol', (tab) => tab.waitForSelector('.chip')],
  'to whom': ['new', async (tab) => { await tab.fill('.compose-text', 'hello'); await tab.press('.compose-text', 'Control+Enter'); await says(tab, 'To whom?'); }],
  'found': ['search?text=morning&by=bob', (tab) => tab.waitForSelector('.entry')],
  'not found': ['search?text=nowhere', (tab) => says(tab, 'Nothing was found')],
  'new channel': ['channels', async (tab) => { await tab.click('text=New channel'); await dialog(tab); await tab.click('text=Make the channel'); await tab.waitForSelector('.field-trouble:not([hidden])'); }],
  'group without members': ['groups/new', async (tab) => { await tab.click('text=Make the group'); await tab.waitForSelector('.field-trouble:not([hidden])'); }],
  'contacts': ['contacts', async (tab) => { await tab.click('[aria-label="More about bob"]'); await menu(tab); }],
  'blocked': ['user/carol', (tab) => says(tab, 'You have blocked carol.')],
  'profile menu': ['user/bob', async (tab) => { await tab.click('main [aria-label=More]'); await menu(tab); }],
  'blocking': ['user/bob', async (tab) => { await tab.click('main [aria-label=More]'); await tab.click('[role=menuitem] >> text="Block"'); await dialog(tab); }],
  'account menu': ['conversations', async (tab) => { await tab.click('.account'); await menu(tab); }],
  'saved': ['settings', async (tab) => { await tab.click('text="Save"'); await tab.waitForSelector('.toast'); }],
  'password': ['settings', async (tab) => { await tab.locator('summary', { hasText: 'Change it' }).last().click(); await tab.click('text="Change the password"'); await tab.waitForSelector('.field-trouble:not([hidden])'); }],
  'export': ['settings', async (tab) => { await tab.click('text="Export"'); await dialog(tab); await tab.fill('dialog [name=password]', 'wrong horse'); await tab.click('dialog [type=submit]'); await tab.waitForSelector('dialog .field-trouble:not([hidden])'); }],
  'leaving for good': ['settings', async (tab) => { await tab.click('text="Delete the account…"'); await tab.fill('dialog [name=password]', PASSWORD); await tab.click('dialog [type=submit]'); await says(tab, 'There is no way back.'); }],
  'log out everywhere': ['settings/devices', async (tab) => { await tab.click('text=Log out everywhere else'); await dialog(tab); }],
  'new key': ['settings/keys', async (tab) => { await tab.click('text=New key'); await dialog(tab); await tab.fill('dialog [name=name]', 'robot'); await tab.click('text=Make the key'); await tab.waitForSelector('.copyable'); }],
  'revoking': ['settings/keys', async (tab) => { await tab.locator('text=Revoke').first().click(); await dialog(tab); }],
  'invitation': ['admin?part=invitations', async (tab) => { await tab.click('text="Invite"'); await dialog(tab); await tab.click('text=Make the invitation'); await tab.waitForSelector('.copyable'); }],
  'moderation': ['admin?part=channels', async (tab) => { await tab.locator('li', { hasText: 'News' }).getByText('Messages…').click(); await tab.check('dialog [type=checkbox]'); }],
  'what cannot be loaded': ['contacts', async (tab) => { await tab.route('**/api/v1/contacts?direction=*', unavailable); await tab.reload(); await says(tab, 'could not be loaded'); }, (tab) => tab.unroute('**/api/v1/contacts?direction=*')],
  'a server that is not ready': ['contacts', async (tab) => { await tab.route('**/api/v1/conversations?*', unavailable); await tab.reload(); await says(tab, 'Trying again'); }, (tab) => tab.unroute('**/api/v1/conversations?*')],
  'a refusal': ['settings', async (tab) => { await tab.route('**/api/v1/me', (route) => (route.request().method() === 'PATCH' ? unavailable(route) : route.continue())); await tab.getByLabel('Show when I am online').click(); await tab.waitForSelector('.toast.bad'); await tab.unroute('**/api/v1/me'); }],
  'a message that was refused': [`conversations/${group}`, async (tab) => { await tab.route('**/api/v1/messages', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', body: '{"status":403,"code":"blocked","detail":"x"}' })); await tab.fill('.compose-text', 'never sent'); await tab.press('.compose-text', 'Control+Enter'); await tab.waitForSelector('.failed'); }, async (tab) => { await tab.unroute('**/api/v1/messages'); await tab.click('text=Discard'); }],
  'without a network': [`conversations/${group}`, async (tab) => { await tab.context().setOffline(true); await tab.fill('.compose-text', 'later'); await tab.press('.compose-text', 'Control+Enter'); await says(tab, 'You are offline.'); await says(tab, 'Waiting for the connection'); }, async (tab) => { await tab.click('text=Discard'); await tab.context().setOffline(false); }],
});

run(async () => {
  const browser = await launch();
  const server = await Server.started('states');
  const things = await furnish(server);
  let count = 0;
  for (const [size, look] of [['phone', 'dark'], ['wide', 'light'], ['phone', 'light'], ['wide', 'dark']]) {
    const tab = await open(browser, server.origin, { look, ...(size === 'phone' && { width: 390, height: 844 }) });
    // Nobody is here to choose a file.
    await tab.addInitScript(() => delete globalThis.showSaveFilePicker);
    const name = (what) => `${size} ${look} ${what}`;
    await tab.goto('/login');
    await tab.click('[type=submit]');
    await tab.waitForSelector('.field-trouble:not([hidden])');
    await isSound(tab, name('a login without anything'));
    await tab.fill('[name=username]', 'root');
    await tab.fill('[name=password]', 'wrong horse');
    await tab.click('[type=submit]');
    await says(tab, 'not the right name and password');
    await isSound(tab, name('a wrong password'));
    await logIn(tab, 'root');
    for (const [what, [address, act, undo]] of Object.entries(STATES(things, server))) {
      await tab.goto(`/${address}`);
      await tab.waitForSelector('.shell .page-head');
      try {
        await act(tab);
      } catch (error) {
        error.message = `${name(what)}: ${error.message}`;
        throw error;
      }
      await isSound(tab, name(what));
      await undo?.(tab);
      count += 1;
    }
    await tab.context().close();
  }
  assert(count > 0);
  console.log(`ok: ${count} states`);
});
