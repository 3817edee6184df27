// Uses the web app in Chromium as people do: accounts, settings, devices, keys, contacts, channels, administration.
//
//   node tests/browser/app.js path/to/goldcrest
//
// It needs `chromium` in the path and the packages playwright-core and axe-core where `require` finds them (NODE_PATH). Each
// page is looked at by axe, light and dark, on a phone and on a wide screen, and none may break the policy that it comes with.
// With a directory as the second argument it leaves a picture of each page there.
'use strict';

const assert = require('node:assert/strict');
const { isSound } = require('./sound');
const { PASSWORD, Server, launch, logIn, open, openTab, run, says, until } = require('./support');


const saysNot = (tab, words) => tab.waitForFunction((words) => !document.querySelector('main').innerText.includes(words), words);
const trouble = async (tab) => (await tab.waitForSelector('.field-trouble:not([hidden]), .form-trouble:not([hidden])')).innerText();

/** Logging in, staying so, logging out; by keyboard alone. */
async function sessions(browser, server) {
  const tab = await open(browser, server.origin);
  const refused = [];
  tab.on('response', (answer) => { if (answer.status() >= 400) refused.push(answer.url()); });
  await tab.goto('/settings/devices');
  await tab.waitForSelector('[name=username]:focus');
  assert.deepEqual(refused, [], 'nobody is refused for asking whether he is logged in');
  await tab.keyboard.type('alice');
  await tab.keyboard.press('Tab');
  await tab.keyboard.type('wrong horse');
  await tab.keyboard.press('Enter');
  assert.match(await trouble(tab), /not the right name and password/);
  await tab.keyboard.press('Control+A');
  await tab.keyboard.type(PASSWORD);
  await tab.keyboard.press('Enter');
  await tab.waitForURL('**/settings/devices');
  await says(tab, 'This device');
  assert.equal(await tab.evaluate(() => document.activeElement?.textContent), 'Devices', 'the focus is at the heading');
  await tab.reload();
  await says(tab, 'This device');
  assert.deepEqual(await tab.evaluate(() => Object.keys(localStorage).filter((key) => /token|secret|password/.test(key))), []);

  const other = await open(browser, server.origin, { width: 390, height: 844 });
  await logIn(other, 'alice');
  await other.goto('/settings/devices');
  await other.click('text=Log out everywhere else');
  await other.click('dialog .danger');
  await tab.waitForURL('**/login?then=*');
  console.log('ok: a session that is ended elsewhere ends here at once');
  await other.goto('/settings');
  await other.click('text=Log out');
  await other.waitForURL('**/login');
  await other.goto('/contacts');
  await other.waitForURL('**/login?then=*');
  console.log('ok: logging in, staying so, logging out');
}

/** A login that is not to be saved leaves a cookie that ends with the browser; and one whose session is over is told so. */
async function brief(browser, server) {
  const tab = await open(browser, server.origin);
  const cookie = async () => (await tab.context().cookies()).find(({ name }) => name.includes('goldcrest'));
  await tab.goto('/login');
  await tab.uncheck('[name=remember]');
  await tab.fill('[name=username]', 'alice');
  await tab.fill('[name=password]', PASSWORD);
  await tab.click('[type=submit]');
  await tab.waitForSelector('.shell');
  assert.equal((await cookie()).expires, -1, 'it ends with the browser');
  await tab.goto('/settings');
  await tab.waitForSelector('.shell .page-head');
  assert.equal((await cookie()).expires, -1, 'also after it was used');
  await tab.context().clearCookies();
  await tab.goto('/settings');
  await says(tab, 'You were logged out on this device.');
  await logIn(tab, 'alice');
  assert((await cookie()).expires > Date.now() / 1_000 + 86_400, 'a login is saved unless one says otherwise');
  await tab.goto('/login');
  await tab.waitForSelector('.shell');
  await tab.context().close();
  console.log('ok: a login that ends with the browser');
}

/** At an address at which nobody can log in, the app says where one can. */
async function elsewhere(browser) {
  const named = await Server.started('named', '--public-url', 'https://chat.example.org');
  const tab = await open(browser, named.origin);
  for (const page of ['login', 'register', 'lost-password', 'invitations/a-token']) {
    await tab.goto(`/${page}`);
    await says(tab, 'This server is known by another address');
    assert.equal(await tab.getAttribute('.card a.button', 'href'), `https://chat.example.org/${page}`);
    await isSound(tab, `${page} elsewhere`);
  }
  const unnamed = new Server('unnamed');
  unnamed.address = '0.0.0.0:0';
  await unnamed.start();
  const origin = unnamed.origin.replace('0.0.0.0', '127.0.0.2');
  const other = await open(browser, origin);
  await other.goto('/contacts');
  await says(other, `--public-url ${origin}`);
  await other.goto(`${unnamed.origin.replace('0.0.0.0', 'localhost')}/login`);
  await other.waitForSelector('[name=username]');
  for (const one of [tab, other]) await one.context().close();
  console.log('ok: an address at which nobody can log in');
}

/** Words are found by how they begin, while one types. */
async function searching(browser, server, bob) {
  await server.send(bob, { to: ['alice'], text: 'Goldcrests weigh less than a letter.' });
  const tab = await open(browser, server.origin);
  await logIn(tab, 'alice');
  await tab.goto('/search');
  const hits = () => tab.evaluate(() => [...document.querySelectorAll('.entry mark')].map((one) => one.textContent));
  const shows = (typed, expected) => until(`${typed} finds ${expected}`, async () => (await hits()).join() === expected.join());
  await tab.locator('[name=text]').pressSequentially('gold wei');
  await shows('gold wei', ['Goldcrests', 'weigh']);
  await tab.fill('[name=text]', '"gold" wei');
  await says(tab, 'Nothing was found');
  await tab.fill('[name=text]', '"less than" let');
  await shows('a phrase and a beginning', ['less than', 'letter']);
  assert.equal(new URL(tab.url()).searchParams.get('text'), '"less than" let', 'the address keeps it as it was typed');
  await tab.goto('/new');
  await tab.fill('.compose-text', '@bob @nobody @noone hello');
  await tab.press('.compose-text', 'Enter');
  await says(tab, 'Nobody here is named "nobody" or "noone".');
  await tab.context().close();
  console.log('ok: searching, and names that nobody has');
}

async function settings(browser, server) {
  const tab = await open(browser, server.origin);
  await logIn(tab, 'alice');
  await tab.focus('.account');
  await tab.keyboard.press('Enter');
  await tab.keyboard.press('ArrowDown');
  await tab.keyboard.press('Enter');
  await tab.waitForURL('**/settings');
  await says(tab, 'This server sends no mail, so addresses cannot be changed here.');
  await saysNot(tab, 'you can get a new password');
  await tab.fill('textarea', 'I answer in the <b>evening</b>.');
  await tab.click('text="Save"');
  await says(tab, 'Saved.');
  await tab.check('input[value=dark]');
  await tab.reload();
  assert.equal(await tab.evaluate(() => getComputedStyle(document.body).colorScheme), 'dark', 'the look is kept');
  await tab.check('input[value=system]');
  await tab.locator('summary', { hasText: 'Change it' }).last().click();
  await tab.fill('[name=current_password]', 'no idea at all');
  await tab.fill('[name=new_password]', 'short');
  await tab.click('text="Change the password"');
  assert.match(await trouble(tab), /At least 8/);
  await tab.fill('[name=new_password]', 'battery staple');
  await tab.click('text="Change the password"');
  await says(tab, 'That is not your password.');
  await tab.goto('/user/alice');
  await says(tab, 'I answer in the <b>evening</b>.');
  console.log('ok: settings');

  await tab.goto('/settings/keys');
  await tab.click('text=New key');
  await tab.fill('dialog [name=name]', 'robot');
  await tab.click('text=Make the key');
  const key = await tab.inputValue('.copyable input');
  const body = { to: ['bob'], text: 'from a script' };
  await server.call('POST', 'messages', key, body);
  await tab.keyboard.press('Escape');
  await tab.locator('li', { hasText: 'robot' }).getByText('Revoke').click();
  await tab.click('dialog .danger');
  await says(tab, 'No API keys');
  await assert.rejects(server.call('POST', 'messages', key, body), /401/);
  console.log('ok: a key is shown once, works, and is revoked');
}

/** All of one's own in a file: written as it comes where the browser can, and a download where it cannot. */
async function taking(browser, server, bob) {
  const { conversation_id } = await server.call('POST', 'messages', bob, { to: ['alice'], text: 'x'.repeat(9_000) });
  for (let count = 0; count < 60; count += 1) await server.call('POST', 'messages', bob, { conversation_id, text: `${count}`.repeat(2_000) });
  const lines = (text) => text.trim().split('\n').map((line) => JSON.parse(line)).length;
  const tab = await open(browser, server.origin);
  await tab.addInitScript(() => {
    globalThis.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
    globalThis.kept = async () => {
      const files = [];
      for await (const file of (await navigator.storage.getDirectory()).values()) files.push([file.name, await (await file.getFile()).text()]);
      return files;
    };
  });
  await logIn(tab, 'alice');
  await tab.goto('/settings');
  await tab.click('text="Export"');
  await tab.fill('dialog [name=password]', 'wrong horse');
  await tab.click('dialog [type=submit]');
  assert.match(await trouble(tab), /not your password/);
  assert.deepEqual(await tab.evaluate(() => kept()), [], 'nothing is left of what failed');
  await tab.fill('dialog [name=password]', PASSWORD);
  await tab.click('dialog [type=submit]');
  await says(tab, 'The export was saved.');
  const [[name, written]] = await tab.evaluate(() => kept());
  assert.match(name, /^goldcrest-alice-.*\.ndjson$/);
  assert(lines(written) > 60);
  await tab.evaluate(() => { delete globalThis.showSaveFilePicker; });
  await tab.click('text="Export"');
  await tab.fill('dialog [name=password]', PASSWORD);
  const download = tab.waitForEvent('download');
  await tab.click('dialog [type=submit]');
  const { createReadStream } = require('node:fs');
  const pieces = await createReadStream(await (await download).path()).toArray();
  assert.equal(lines(Buffer.concat(pieces).toString()), lines(written));
  await says(tab, 'among your downloads');
  console.log('ok: taking all that is one’s own along');
}

async function people(browser, server, bob) {
  const tab = await open(browser, server.origin);
  await logIn(tab, 'alice');
  await tab.goto('/contacts');
  await says(tab, 'No contacts yet');
  await server.call('POST', 'contacts', bob, { username: 'alice' });
  await tab.locator('li', { hasText: 'bob' }).getByText('Approve').click();
  await tab.locator('section', { has: tab.locator('h2', { hasText: /^Contacts/ }) }).locator('li', { hasText: 'bob' }).waitFor();
  await tab.fill('[name=username]', 'nobody');
  await tab.click('text="Ask"');
  assert.match(await trouble(tab), /Nobody is called so/);
  await tab.fill('[name=username]', 'robert');
  await tab.click('text="Ask"');
  await says(tab, 'robert was asked.');
  await tab.fill('[name=username]', 'Robert');
  await tab.click('text="Ask"');
  assert.match(await trouble(tab), /still waiting for an answer/);
  await server.call('PUT', 'contacts/alice', await server.logIn('robert'), { state: 'rejected' });
  await says(tab, 'Your request to be added');
  await tab.fill('[name=username]', 'robert');
  await tab.click('text="Ask"');
  assert.match(await trouble(tab), /were rejected/);
  await tab.goto('/user/bob');
  await tab.click('[aria-label=More]');
  await tab.click('[role=menuitem] >> text="Block"');
  await tab.click('dialog .danger');
  await says(tab, 'You have blocked bob.');
  await tab.click('text=Undo');
  await saysNot(tab, 'You have blocked bob.');
  await tab.goto('/user/zzz');
  await says(tab, 'There is no such user, or you may not see it.');
  await tab.goto('/conversations/999999');
  await says(tab, 'There is no such conversation, or you may not see it.');
  await tab.goto('/nothing-of-this-name');
  await says(tab, 'There is no such page.');
  console.log('ok: contacts and blocks, and whom and what there is not');

  await tab.goto('/channels');
  await tab.click('text=New channel');
  await tab.fill('dialog [name=name]', 'news');
  await tab.click('text=Make the channel');
  assert.match(await trouble(tab), /a channel of this name already/);
  await tab.keyboard.press('Escape');
  await tab.click('text="Join"');
  await tab.waitForURL('**/conversations/*');
  await tab.goBack();
  await tab.click('text="Leave"');
  await says(tab, 'You left News.');
  console.log('ok: channels');
}

/** What is told of outside of the page, in a window that nobody looks at. */
async function announcements(browser, server, bob) {
  const tab = await open(browser, server.origin);
  await tab.addInitScript(() => {
    globalThis.told = [];
    globalThis.Notification = class {
      static permission = 'granted';
      constructor(title, { body }) { globalThis.told.push(`${title}: ${body}`); }
      close() {}
    };
    Object.defineProperty(document, 'hidden', { get: () => location.hash === '#hidden' });
  });
  await logIn(tab, 'alice');
  const send = (text) => server.call('POST', 'messages', bob, { to: ['alice'], text });
  const counted = (beginning) => tab.waitForFunction((beginning) => document.title.startsWith(beginning), beginning);
  await tab.goto('/settings#hidden');
  await says(tab, 'Notifications');
  const before = Number(/^\((\d+)\)/.exec(await tab.title())?.[1] ?? 0);
  await send('too early');
  await counted(`(${before + 1}) `);
  assert.deepEqual(await tab.evaluate(() => told), [], 'only if it is wanted');
  await tab.getByLabel('Notifications').click();
  await send('now');
  await tab.waitForFunction(() => told.length > 0);
  assert.deepEqual(await tab.evaluate(() => told), ['bob: now']);
  await counted(`(${before + 2}) Settings`);
  const other = await openTab(tab.context());
  await other.goto('/contacts');
  await says(other, 'Contacts');
  await send('while another tab is looked at');
  await counted(`(${before + 3}) Settings`);
  await other.close();
  await tab.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() + 120_000;
  });
  await send('two minutes ago, by this clock');
  await counted(`(${before + 4}) Settings`);
  assert.deepEqual(await tab.evaluate(() => told), ['bob: now'], 'nor what is seen elsewhere, or is no news');
  await tab.getByLabel('Count in the title').click();
  await counted('Settings');
  console.log('ok: notifications and the count in the title, by choice');
}

async function administration(browser, server) {
  const root = await open(browser, server.origin);
  await root.goto('/register');
  await says(root, 'It takes an invitation');
  await logIn(root, 'root');
  await root.goto('/admin?part=invitations');
  await root.click('text="Invite"');
  await root.fill('dialog [name=uses]', '2000');
  await root.click('text=Make the invitation');
  assert.match(await trouble(root), /1 to 1000 people/);
  await root.fill('dialog [name=uses]', '2');
  await root.click('text=Make the invitation');
  const link = await root.inputValue('.copyable input');
  await root.keyboard.press('Escape');

  const guest = await open(browser, server.origin, { width: 390, height: 844, look: 'dark' });
  await guest.goto(link);
  await guest.fill('[name=username]', 'Root');
  await guest.fill('[name=password]', PASSWORD);
  await guest.click('[type=submit]');
  assert.match(await trouble(guest), /has this name already/);
  await guest.fill('[name=username]', 'ann');
  await guest.click('[type=submit]');
  await guest.waitForSelector('.shell');
  await root.goto('/admin');
  await root.locator('li', { hasText: 'ann' }).getByText('Suspend').click();
  await root.click('dialog .danger');
  await guest.waitForURL('**/login*');
  await guest.fill('[name=username]', 'ann');
  await guest.fill('[name=password]', PASSWORD);
  await guest.click('[type=submit]');
  assert.match(await trouble(guest), /suspended/);
  await root.selectOption('select', 'suspended');
  await root.click('text=Let in again');
  await says(root, 'Nobody is called so');
  await logIn(guest, 'ann');
  console.log('ok: invitations, and shutting out');
  await server.end('SIGKILL');
  await says(guest, 'No connection to the server.');
  console.log('ok: a server that is gone is told of');
}

/** Every page, in every size and look. */
async function looks(browser, server, bob) {
  const text = 'Look at https://example.org/a and `this`, @root:\n```\nlet it = be;\n```';
  const first = await server.call('POST', 'messages', bob, { to: ['root'], text });
  await server.call('POST', 'messages', bob, { conversation_id: first.conversation_id, thread_id: first.id, text: 'and at this, @root' });
  const conversation = `conversations/${first.conversation_id}`;
  const pages = ['', 'conversations', conversation, `messages/${first.id}`, 'threads', `threads/${first.id}`, 'mentions', 'search', 'new?to=bob', 'groups/new', 'settings', 'settings/devices', 'settings/keys', 'settings/blocks', 'contacts', 'user/bob', 'user/nobody', 'channels', 'admin', 'admin?part=invitations', 'admin?part=channels', 'nothing-of-this-name'];
  for (const [size, look] of [['phone', 'dark'], ['phone', 'light'], ['wide', 'dark'], ['wide', 'light']]) {
    const tab = await open(browser, server.origin, { look, ...(size === 'phone' && { width: 360, height: 740 }) });
    for (const page of ['login', 'register', 'lost-password', 'invitations/a-token', 'nothing-of-this-name']) {
      await tab.goto(`/${page}`);
      await tab.waitForSelector('.card, .page-head');
      await isSound(tab, `${size} ${look} ${page}`);
    }
    await logIn(tab, 'root');
    for (const page of pages) {
      await tab.goto(`/${page}`);
      await tab.waitForSelector('.shell .page-head');
      await isSound(tab, `${size} ${look} ${page}`);
      assert(await tab.evaluate(() => [...document.querySelectorAll('.shell:not(.listing) .page-head h1')].every((one) => one.scrollWidth <= one.clientWidth)), `the heading of ${page} is cut off, ${size}`);
    }
    await tab.context().close();
  }
  console.log(`ok: ${pages.length + 5} pages, light and dark, on a phone and a wide screen`);
}

run(async () => {
  const browser = await launch();
  const server = await Server.started('open');
  server.administrator('root');
  await server.register('alice');
  await server.register('robert');
  const bob = await server.register('bob');
  await server.call('POST', 'conversations', bob, { kind: 'channel', name: 'News' });
  await sessions(browser, server);
  await brief(browser, server);
  await elsewhere(browser);
  await searching(browser, server, bob);
  await settings(browser, server);
  await people(browser, server, bob);
  await announcements(browser, server, bob);
  await taking(browser, server, bob);
  await looks(browser, server, bob);
  const closed = await Server.started('invite', '--registration', 'invite');
  closed.administrator('root');
  await administration(browser, closed);
});
