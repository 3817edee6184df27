// What a conversation in the web app shows while things happen to it.
//
//   node tests/browser/conversations.js path/to/goldcrest [part…]
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH).
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, launch, open, passes, run, says, until, visit } = require('./support');

const texts = (tab) => tab.evaluate(() => [...document.querySelectorAll('.window .message .text')].map((one) => one.textContent));
const shows = (tab, wanted) => until(`it shows ${wanted}`, async () => JSON.stringify(await texts(tab)) === JSON.stringify(wanted));

/** Texts are texts, wherever they stand. */
async function markup(browser) {
  const { server, alice, bob } = await Server.ofTwo('markup');
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: `${evil} group`, members: ['alice'] });
  await server.call('POST', 'conversations', bob, { kind: 'channel', name: `${evil} channel` });
  const root = await server.send(bob, { conversation_id: group.id, text: `@alice ${evil} \`${evil}\` https://example.org/${evil}\n\`\`\`\n${evil}\n\`\`\`` });
  await server.send(bob, { conversation_id: group.id, thread_id: root.id, text: `${evil} reply @alice` });
  await server.send(bob, { to: ['alice'], text: 'javascript:alert(1) and data:text/html,<script>alert(1)</script>' });
  await server.call('PATCH', 'me', bob, { bio: evil });
  await server.call('POST', 'keys', alice, { name: evil, scopes: ['read'] });
  await server.call('POST', 'sessions', null, { username: 'alice', password: PASSWORD, name: evil });
  const tab = await visit(browser, server, 'alice', '/');
  await tab.addInitScript(() => {
    globalThis.told = [];
    globalThis.Notification = class {
      static permission = 'granted';
      constructor(title, { body }) { globalThis.told.push([title, body]); }
      close() {}
    };
    localStorage.setItem('goldcrest:notify', 'on');
    Object.defineProperty(document, 'hidden', { get: () => location.hash === '#hidden' });
    const { now } = Date;
    globalThis.later = 0;
    Date.now = () => now() + later;
  });
  const search = `/search?${new URLSearchParams({ text: 'onerror' })}`;
  const addresses = ['/', '/conversations', `/conversations/${group.id}`, `/messages/${root.id}`, '/threads', `/threads/${root.id}`, '/mentions', search, '/channels', '/user/bob', '/settings/keys', '/settings/devices'];
  for (const address of addresses) {
    await tab.goto(address);
    await tab.waitForSelector('.shell .page-head');
    await says(tab, evil);
    const made = await tab.evaluate(() => document.querySelectorAll('main img, main script, aside img, aside script, [onerror], a[href^="javascript:"], a[href^="data:"]').length);
    assert.equal(made, 0, address);
  }
  assert((await tab.title()).length > 0);
  await tab.goto('/settings#hidden');
  await says(tab, 'Notifications');
  await server.send(bob, { conversation_id: group.id, text: evil });
  await until('it is told of', () => tab.evaluate(() => told.length));
  assert.deepEqual(await tab.evaluate(() => told), [[`bob · ${evil} group`, evil]]);
  console.log(`ok: markup is text, at ${addresses.length} addresses and in a notification`);

  // Nothing was heard since the page came, and what comes first is two minutes old by then.
  let compared = 0;
  tab.on('response', (answer) => { if (answer.url().endsWith('/api/v1/me')) compared += 1; });
  await tab.goto('/settings/devices#hidden');
  await says(tab, evil);
  await until('the clocks to be compared', () => compared > 0);
  await tab.evaluate(() => { globalThis.later = 120_000; });
  await server.send(bob, { conversation_id: group.id, text: 'an old one' });
  await says(tab, 'an old one');
  await tab.evaluate(() => { globalThis.later = 0; });
  await server.send(bob, { conversation_id: group.id, text: 'a new one' });
  await until('it is told of', () => tab.evaluate(() => told.length));
  assert.deepEqual(await tab.evaluate(() => told.map(([, body]) => body)), ['a new one']);
  console.log('ok: whoever was away is not told of what is old');
  await tab.context().close();
}

/** Links end where people see them end, and blocks of code where the next line begins. */
async function pieces(browser) {
  const { server, bob } = await Server.ofTwo('pieces');
  const bird = 'https://en.wikipedia.org/wiki/Bird_(animal)';
  const say = (text) => server.send(bob, { to: ['alice'], text });
  const links = { [bird]: bird, [`(as in ${bird}).`]: bird, '(https://example.org/a), and so on': 'https://example.org/a', 'https://example.org/b,': 'https://example.org/b', 'Is it https://[::1]?': 'https://[::1]' };
  for (const text of Object.keys(links)) await say(text);
  const { conversation_id } = await say('the last');
  const tab = await visit(browser, server, 'alice', `/conversations/${conversation_id}`);
  await shows(tab, [...Object.keys(links), 'the last']);
  assert.deepEqual(await tab.evaluate(() => [...document.querySelectorAll('.text a')].map((one) => one.getAttribute('href'))), Object.values(links));
  console.log('ok: links, in brackets and with brackets');

  const code = '```\nlet it = be;\n```';
  for (const after of ['\ntext', '\n\ntext', '\n@alice', ' text']) await say(`before\n${code}${after}`);
  await until('all blocks', async () => (await tab.locator('.text pre').count()) === 4);
  // What is drawn: a line that begins with the text takes one line, and an empty one before it another.
  const lines = await tab.evaluate(() => [...document.querySelectorAll('.text:has(pre)')].map((one) => {
    const height = parseFloat(getComputedStyle(one).lineHeight);
    const { bottom, height: block } = one.querySelector('pre').getBoundingClientRect();
    const below = one.getBoundingClientRect().bottom - bottom - parseFloat(getComputedStyle(one.querySelector('pre')).marginBottom);
    return [Math.round(below / height), block > height];
  }));
  assert.deepEqual(lines, [[1, true], [2, true], [1, true], [1, true]]);
  assert.equal(await tab.locator('.text:has(pre) .mention').count(), 1, 'a name after a block is one');
  console.log('ok: no empty line below a block of code');
  await tab.context().close();
}

/** A person's colour is the same wherever he stands, and whoever stands before him. */
async function colours(browser) {
  const { server, bob } = await Server.ofTwo('colours');
  // Their names happen to lead to the same colour.
  const [ivan, oscar] = [await server.register('ivan'), await server.register('oscar')];
  for (const token of [bob, ivan, oscar]) await server.send(token, { to: ['alice'], text: 'hello' });
  const tab = await visit(browser, server, 'alice', '/conversations');
  const seen = async (count) => {
    await tab.waitForFunction((count) => document.querySelectorAll('.conversation').length === count, count);
    const rows = await tab.evaluate(() => [...document.querySelectorAll('.conversation')].map((row) => {
      const face = row.querySelector('.avatar');
      return [row.querySelector('.conversation-title').textContent, `${face.style.getPropertyValue('--hue')} ${face.classList.contains('deep')}`];
    }));
    return Object.fromEntries(rows.sort());
  };
  const before = await seen(3);
  assert(new Set(Object.values(before)).size > 1, 'there are several');
  await server.send(ivan, { to: ['alice'], text: 'I stand above oscar now' });
  await says(tab, 'I stand above oscar now');
  await tab.reload();
  assert.deepEqual(await seen(3), before);
  console.log('ok: colours do not change with who comes first');
  await tab.context().close();
}

/** A message is shown in its conversation by the menu, unless one is there. */
async function menus(browser) {
  const { server, alice, bob } = await Server.ofTwo('menus');
  const { conversation_id, id } = await server.send(bob, { to: ['alice'], text: 'a root' });
  await server.send(alice, { conversation_id, thread_id: id, text: 'a reply' });
  const tab = await visit(browser, server, 'alice', '/');
  const offers = { '/': true, [`/threads/${id}`]: true, [`/conversations/${conversation_id}`]: false };
  for (const [address, offered] of Object.entries(offers)) {
    await tab.goto(address);
    await tab.locator('.window [data-key]').last().focus();
    await tab.keyboard.press('Space');
    await tab.waitForSelector('[role=menu]');
    const labels = (await tab.locator('[role=menuitem]').allInnerTexts()).map((label) => label.trim());
    assert(labels.includes('Copy link'));
    assert.equal(labels.includes('Show in conversation'), offered, address);
  }
  console.log('ok: what a menu offers where');
  await tab.context().close();
}

/** A name without a gap, as long as names may be, stays within what it stands in. */
async function names(browser) {
  const { server, alice } = await Server.ofTwo('names');
  const long = 'w'.repeat(64);
  const token = await server.register(long);
  const { conversation_id, id } = await server.send(token, { to: ['alice'], text: `from @${long}` });
  await server.send(token, { conversation_id, thread_id: id, text: 'a reply' });
  const own = await server.send(alice, { conversation_id, text: 'and mine' });
  await server.call('PUT', `conversations/${conversation_id}/read`, token, { message_id: own.id });
  for (const width of [1200, 360]) {
    const tab = await visit(browser, server, 'alice', '/', { width, height: 740 });
    for (const address of ['/', '/conversations', `/conversations/${conversation_id}`, '/threads', `/threads/${id}`, '/mentions', `/user/${long}`, `/new?to=${long}`]) {
      await tab.goto(address);
      await tab.waitForSelector('.shell .page-head');
      if (address === `/conversations/${conversation_id}`) await says(tab, 'Read by');
      // Links below a message reach beyond it on a phone, so that fingers find them.
      const wide = await tab.evaluate(() => [...document.querySelectorAll('.page *, .side *, .details *')].filter((one) => {
        const { overflowX, display } = getComputedStyle(one);
        return one.checkVisibility() && display !== 'inline' && overflowX !== 'hidden' && one.scrollWidth > one.clientWidth + 1 && one.closest('svg, .heard, .entry-links') === null && !one.querySelector('.entry-links');
      }).map((one) => `${one.localName}.${one.className}`));
      assert.deepEqual(wide, [], `${address} at ${width} px`);
    }
    await tab.context().close();
  }
  console.log('ok: a long name stays within what it stands in');
}

/** A channel that one only looks into is live, and so are its threads. */
async function onlookers(browser) {
  const { server, bob } = await Server.ofTwo('onlookers');
  const channel = await server.call('POST', 'conversations', bob, { kind: 'channel', name: 'News' });
  const say = (text, more = {}) => server.send(bob, { conversation_id: channel.id, text, ...more });
  const first = await say('the first');
  const tab = await visit(browser, server, 'alice', `/conversations/${channel.id}`);
  await says(tab, 'You are looking into this channel.');
  await shows(tab, ['the first']);
  const second = await say('the second');
  await shows(tab, ['the first', 'the second']);
  await server.call('PATCH', `messages/${first.id}`, bob, { text: 'changed' });
  await server.call('DELETE', `messages/${second.id}?for=all`, bob);
  await shows(tab, ['changed (edited)', 'This message was deleted.']);
  await server.call('PATCH', `conversations/${channel.id}`, bob, { name: 'Old news' });
  await until('its new name', async () => (await tab.innerText('h1')) === '#Old news');
  await say('under the new name');
  await says(tab, 'under the new name');
  await tab.goto(`/threads/${first.id}`);
  await says(tab, 'No replies yet');
  await say('a reply', { thread_id: first.id });
  await shows(tab, ['a reply']);
  assert.equal(await tab.locator('.conversation').count(), 0, 'one is not in it for that');
  console.log('ok: a channel that one only looks into is live');
  await tab.context().close();
}

/** What is read in a thread counts as read where nothing else that is unread stands before it. */
async function reading(browser) {
  const { server, alice, bob } = await Server.ofTwo('reading');
  const say = (text, more = {}) => server.send(bob, { to: ['alice'], text, ...more });
  const root = await say('a root');
  const { conversation_id } = root;
  const unread = async () => (await server.call('GET', `conversations/${conversation_id}`, alice)).unread;
  const reply = (text) => server.send(bob, { conversation_id, thread_id: root.id, text });
  await reply('one');
  await reply('two');
  const tab = await visit(browser, server, 'alice', `/threads/${root.id}`);
  await until('all is read', async () => (await unread()) === 0);
  await reply('three, while one looks');
  await says(tab, 'three, while one looks');
  await until('that too', async () => (await unread()) === 0);
  await say('something else');
  await reply('four');
  await says(tab, 'four');
  await until('the page knows of both', () => tab.evaluate(() => document.querySelector('.conversation .badge')?.textContent === '2'));
  await passes(1, 'it would be marked as read within that');
  assert.equal(await unread(), 2, 'what stands before it is not passed over');
  await tab.click('.conversation');
  await until('all is read there', async () => (await unread()) === 0);
  console.log('ok: what is read in a thread');

  let last;
  for (let number = 0; number < 150; number += 1) last = await say(`and ${number}`);
  await server.call('PUT', `conversations/${conversation_id}/read`, alice, { message_id: last.id });
  const author = await visit(browser, server, 'bob', `/messages/${root.id}`);
  const receipts = author.waitForResponse('**/receipts');
  await author.reload();
  await (await receipts).finished();
  await author.waitForFunction(() => document.querySelectorAll('.window .message').length > 40);
  assert.equal(await author.locator('.readers').count(), 0, 'where she has read to is not loaded yet');
  await author.click('.newest');
  await says(author, 'Read by alice');
  assert.equal(await author.locator('.readers').count(), 1);
  console.log('ok: who has read further than one has loaded');
  for (const one of [tab, author]) await one.context().close();
}

/** Messages that are kept no longer leave the page. */
async function expiry(browser) {
  const { server, bob } = await Server.ofTwo('expiry', '--message-retention', '5s');
  const { conversation_id } = await server.send(bob, { to: ['alice'], text: 'gone before it is looked for' });
  const tab = await visit(browser, server, 'alice', `/conversations/${conversation_id}`);
  await tab.waitForSelector('.compose-text');
  await until('there is nothing', async () => (await texts(tab)).length === 0);
  await server.send(bob, { conversation_id, text: 'soon gone' });
  await shows(tab, ['soon gone']);
  await until('it is gone', async () => (await texts(tab)).length === 0);
  await says(tab, 'Nothing was said here yet');
  await until('the list knows', () => tab.evaluate(() => document.querySelector('.conversation-last')?.textContent === 'Nothing yet'));
  await tab.goto('/');
  await tab.waitForSelector('.conversation');
  await server.send(bob, { conversation_id, text: 'but this is new' });
  await until('the stream has it', () => tab.evaluate(() => document.querySelector('.entry')?.innerText.includes('but this is new')));
  await until('and lets go of it', () => tab.evaluate(() => !document.querySelector('.entry')));
  console.log('ok: messages that are kept no longer leave the page');
  await tab.context().close();
}

/** Somebody is made an owner, may write no more, is removed, comes back and leaves, while the page is open. */
async function membership(browser) {
  const { server, bob } = await Server.ofTwo('membership');
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: 'Yard', members: ['alice'] });
  await server.send(bob, { conversation_id: group.id, text: 'welcome' });
  const tab = await visit(browser, server, 'alice', `/conversations/${group.id}`);
  const path = `conversations/${group.id}`;
  await tab.waitForSelector('.compose-text');
  assert.equal(await tab.locator('.details >> text=Add somebody').count(), 0);
  // On a phone the members stand in a dialog, and what can be done with one of them in a menu above it.
  const phone = await visit(browser, server, 'bob', `/conversations/${group.id}`, { width: 390, height: 844 });
  await phone.click('[aria-label=Details]');
  await phone.click('dialog [aria-label="More about alice"]');
  await phone.click('[role=menuitem] >> text=Make an owner');
  await tab.waitForSelector('.details >> text=Add somebody');
  await phone.context().close();
  await server.call('PATCH', `${path}/members/alice`, bob, { role: 'member' });
  await tab.waitForSelector('.details >> text=Add somebody', { state: 'detached' });
  await server.call('PATCH', path, bob, { name: 'Back yard', post: 'owners' });
  await says(tab, 'Only owners write here.');
  assert.equal(await tab.innerText('h1'), 'Back yard');
  await server.call('PATCH', path, bob, { post: 'members' });
  await tab.waitForSelector('.compose-text');
  await server.register('carol');
  await server.call('POST', `${path}/members`, bob, { username: 'carol' });
  await until('she is listed', async () => (await tab.innerText('.details')).includes('carol'));
  await says(tab, '3 members');
  await server.call('DELETE', `${path}/members/alice`, bob);
  await until('the list is empty', async () => (await tab.locator('.conversation').count()) === 0);
  await until('one cannot write', async () => (await tab.locator('.compose-text').count()) === 0);
  await server.call('POST', `${path}/members`, bob, { username: 'alice' });
  await tab.click('.conversation');
  await tab.waitForSelector('.compose-text');
  await tab.click('.details >> text=Leave this group');
  await tab.click('dialog .danger');
  await until('the list is empty again', async () => (await tab.locator('.conversation').count()) === 0);
  console.log('ok: what one may do in a conversation changes while one looks');
  await tab.context().close();
}

run(async () => {
  const browser = await launch();
  const parts = { markup, pieces, colours, menus, names, onlookers, reading, expiry, membership };
  const wanted = process.argv.slice(3);
  for (const [name, part] of Object.entries(parts)) if (!wanted.length || wanted.includes(name)) await part(browser);
});
