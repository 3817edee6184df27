// What a conversation in the web app shows while things happen to it, and how it bears a long history.
//
//   node tests/browser/conversations.js path/to/goldcrest [part…]
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH).
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, launch, logIn, moduleOf, open, openTab, run, until } = require('./support');

const says = (tab, words) => tab.waitForFunction((words) => document.body.innerText.includes(words), words);
const saysNot = (tab, words) => tab.waitForFunction((words) => !document.body.innerText.includes(words), words);
const texts = (tab) => tab.evaluate(() => [...document.querySelectorAll('.window .message .text')].map((one) => one.textContent));
const shows = (tab, wanted) => until(`it shows ${wanted}`, async () => JSON.stringify(await texts(tab)) === JSON.stringify(wanted));
const send = (server, token, body) => server.call('POST', 'messages', token, body);

/** A window of somebody who was registered already, at an address. */
async function visit(browser, server, username, address, size) {
  const tab = await open(browser, server.origin, size);
  await logIn(tab, username);
  await tab.goto(address);
  await tab.waitForSelector('.shell .page-head');
  return tab;
}

/** Ten thousand messages: few are in the page, and nothing jumps. */
async function long(browser) {
  const server = await Server.started('long');
  await server.register('alice');
  const bob = await server.register('bob');
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: 'Long', members: ['alice'] });
  const MANY = 10_000;
  let count = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (count < MANY) {
      const number = (count += 1);
      const code = number % 97 === 0 ? '\n```\nlet it = grow;\n```' : '';
      await send(server, bob, { conversation_id: group.id, text: `${number}: ${'weeds grow and grow. '.repeat(number % 7)}${code}` });
    }
  }));
  const tab = await visit(browser, server, 'alice', `/conversations/${group.id}`);
  await tab.waitForSelector('.window .message');
  await tab.click('.newest');
  await until('the newest', () => tab.evaluate((many) => Number(document.querySelector('.window').lastElementChild.dataset.key) === many, MANY));
  const measure = () => tab.evaluate(() => {
    globalThis.measured = { shift: 0, most: 0 };
    new PerformanceObserver((list) => {
      for (const { value } of list.getEntries()) measured.shift += value;
    }).observe({ type: 'layout-shift' });
    const count = () => {
      measured.most = Math.max(measured.most, document.querySelectorAll('.message, .entry').length);
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
  });
  await measure();
  const first = () => tab.evaluate(() => Number(document.querySelector('.window').firstElementChild.dataset.key));
  const box = await tab.locator('.scroller').boundingBox();
  await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const away = async (what, far, act) => {
    const before = await first();
    await until(`${what} leads ${far} messages away`, async () => {
      await act();
      return Math.abs((await first()) - before) >= far;
    });
    const keys = await tab.evaluate(() => [...document.querySelector('.window').children].map((row) => Number(row.dataset.key)));
    assert.deepEqual(keys, keys.map((_, index) => (keys[0] < keys[1] ? keys[0] + index : keys[0] - index)), `${what}: none is left out`);
    const { shift, most } = await tab.evaluate(() => measured);
    assert(shift < 0.05, `${what} shifts by ${shift}`);
    assert(most < 400, `${most} messages are in the page`);
  };
  await away('the wheel upward', 1_000, () => tab.mouse.wheel(0, -900));
  await away('the wheel downward', 500, () => tab.mouse.wheel(0, 900));
  await away('a wheel that spins upward', 2_000, () => tab.mouse.wheel(0, -4_000));
  await tab.focus('.scroller');
  await away('Page Up', 500, () => tab.keyboard.press('PageUp'));
  await away('Page Down', 400, () => tab.keyboard.press('PageDown'));
  const report = async (where) => {
    const { shift, most } = await tab.evaluate(() => measured);
    console.log(`ok: ${MANY} messages ${where}: at most ${most} in the page, shifted by ${shift.toFixed(4)}`);
  };
  await report('in a conversation');
  await tab.goto('/');
  await tab.waitForSelector('.window .entry');
  await measure();
  await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await away('the wheel downward', 1_000, () => tab.mouse.wheel(0, 900));
  await away('the wheel upward', 500, () => tab.mouse.wheel(0, -900));
  await away('a wheel that spins downward', 1_000, () => tab.mouse.wheel(0, 4_000));
  await report('in the stream');
  await tab.context().close();
}

/** Texts are texts, wherever they stand. */
async function markup(browser) {
  const server = await Server.started('markup');
  const alice = await server.register('alice');
  const bob = await server.register('bob');
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: `${evil} group`, members: ['alice'] });
  await server.call('POST', 'conversations', bob, { kind: 'channel', name: `${evil} channel` });
  const root = await send(server, bob, { conversation_id: group.id, text: `@alice ${evil} \`${evil}\` https://example.org/${evil}\n\`\`\`\n${evil}\n\`\`\`` });
  await send(server, bob, { conversation_id: group.id, thread_id: root.id, text: `${evil} reply @alice` });
  await send(server, bob, { to: ['alice'], text: 'javascript:alert(1) and data:text/html,<script>alert(1)</script>' });
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
  await send(server, bob, { conversation_id: group.id, text: evil });
  await until('it is told of', () => tab.evaluate(() => told.length));
  assert.deepEqual(await tab.evaluate(() => told), [[`bob · ${evil} group`, evil]]);
  console.log(`ok: markup is text, at ${addresses.length} addresses and in a notification`);

  // Nothing was heard since the page came, and what comes first is two minutes old by then.
  let compared = 0;
  tab.on('response', (answer) => { if (answer.url().endsWith('/api/v1/me')) compared += 1; });
  await tab.goto('/settings/devices#hidden');
  await says(tab, evil);
  await until('the clocks to be compared', () => compared >= 2);
  await tab.evaluate(() => { globalThis.later = 120_000; });
  await send(server, bob, { conversation_id: group.id, text: 'an old one' });
  await says(tab, 'an old one');
  await tab.evaluate(() => { globalThis.later = 0; });
  await send(server, bob, { conversation_id: group.id, text: 'a new one' });
  await until('it is told of', () => tab.evaluate(() => told.length));
  assert.deepEqual(await tab.evaluate(() => told.map(([, body]) => body)), ['a new one']);
  console.log('ok: whoever was away is not told of what is old');
  await tab.context().close();
}

/** A channel that one only looks into is live, and so are its threads. */
async function onlookers(browser) {
  const server = await Server.started('onlookers');
  await server.register('alice');
  const bob = await server.register('bob');
  const channel = await server.call('POST', 'conversations', bob, { kind: 'channel', name: 'News' });
  const say = (text, more = {}) => send(server, bob, { conversation_id: channel.id, text, ...more });
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
  const server = await Server.started('reading');
  const alice = await server.register('alice');
  const bob = await server.register('bob');
  const say = (text, more = {}) => send(server, bob, { to: ['alice'], text, ...more });
  const root = await say('a root');
  const { conversation_id } = root;
  const unread = async () => (await server.call('GET', `conversations/${conversation_id}`, alice)).unread;
  const reply = (text) => send(server, bob, { conversation_id, thread_id: root.id, text });
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
  // Nothing to wait for: that it is not marked shows after the time in which it would be.
  await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
  assert.equal(await unread(), 2, 'what stands before it is not passed over');
  await tab.click('.conversation');
  await until('all is read there', async () => (await unread()) === 0);
  console.log('ok: what is read in a thread');
  await tab.context().close();
}

/** An older copy of the data takes the place of what the page knows. */
async function anew(browser) {
  const server = await Server.started('anew');
  const alice = await server.register('alice');
  const bob = await server.register('bob');
  const root = await send(server, alice, { to: ['bob'], text: 'as it was' });
  const { conversation_id } = root;
  for (let number = 1; number <= 150; number += 1) await send(server, alice, { conversation_id, text: `between, ${number}` });
  await send(server, bob, { conversation_id, thread_id: root.id, text: 'a reply' });
  const last = await send(server, alice, { conversation_id, text: 'the last' });
  const [talk, thread] = [await visit(browser, server, 'alice', `/conversations/${conversation_id}`), await visit(browser, server, 'alice', `/threads/${root.id}`)];
  await talk.waitForFunction(() => document.querySelector('.reply-to')?.textContent.includes('as it was'));
  await says(thread, 'as it was');
  await server.end('SIGTERM');
  server.copy();
  await server.start();
  await server.call('PATCH', `messages/${root.id}`, alice, { text: 'as it is' });
  await server.call('PUT', `conversations/${conversation_id}/read`, bob, { message_id: last.id });
  await talk.waitForFunction(() => document.querySelector('.reply-to')?.textContent.includes('as it is'));
  await says(talk, 'Read by bob');
  await says(thread, 'as it is');
  console.log('ok: a root is kept up where it is quoted, and receipts');

  // They are read again, in vain; and then the answer comes after something newer was heard.
  const model = await moduleOf(talk, 'model.js');
  const readAgain = () => model.evaluate(({ model }, id) => model.tell(`receipts:${id}`, null), conversation_id);
  await talk.route('**/receipts', (route) => route.abort(), { times: 1 });
  const failed = talk.waitForEvent('requestfailed', (request) => request.url().endsWith('/receipts'));
  await readAgain();
  await failed;
  const readers = (id) => talk.evaluate((id) => document.querySelector(`.message[data-key="${id}"]`)?.innerText.includes('Read by bob'), id);
  assert.equal(await readers(last.id), true, 'what was known stays');
  const newest = await send(server, alice, { conversation_id, text: 'the newest' });
  await says(talk, 'the newest');
  assert.equal(await readers(last.id), true, 'also when something is shown anew');
  await talk.route('**/receipts', async (route) => {
    const response = await route.fetch();
    await server.call('PUT', `conversations/${conversation_id}/read`, bob, { message_id: newest.id });
    await until('it is heard', () => readers(newest.id));
    await route.fulfill({ response });
  }, { times: 1 });
  const answered = talk.waitForResponse('**/receipts');
  await readAgain();
  await (await answered).finished();
  assert.equal(await readers(newest.id), true, 'what was heard meanwhile stays');
  console.log('ok: receipts that cannot be read, and such that were heard meanwhile');
  await server.end('SIGKILL');
  server.restore();
  await server.start();
  await talk.waitForFunction(() => document.querySelector('.reply-to')?.textContent.includes('as it was'));
  await saysNot(talk, 'Read by bob');
  await says(thread, 'as it was');
  console.log('ok: after a reset, quoted roots, receipts and the root of a thread are read again');
  await server.call('DELETE', `messages/${root.id}?for=all`, alice);
  await talk.waitForFunction(() => document.querySelector('.reply-to')?.textContent.includes('This message was deleted.'));
  await says(thread, 'This message was deleted.');
  console.log('ok: a root that is deleted is quoted no more');
  for (const tab of [talk, thread]) await tab.context().close();
}

/** Messages that are kept no longer leave the page. */
async function expiry(browser) {
  const server = await Server.started('expiry', '--message-retention', '5s');
  await server.register('alice');
  const bob = await server.register('bob');
  const tab = await visit(browser, server, 'alice', '/');
  const root = await send(server, bob, { to: ['alice'], text: 'soon gone' });
  await tab.click('.conversation');
  await shows(tab, ['soon gone']);
  await until('it is gone', async () => (await texts(tab)).length === 0);
  await says(tab, 'Nothing was said here yet');
  await until('the list knows', () => tab.evaluate(() => document.querySelector('.conversation-last')?.textContent === 'Nothing yet'));
  await send(server, bob, { conversation_id: root.conversation_id, text: 'but this is new' });
  await says(tab, 'but this is new');
  await tab.goto('/');
  await until('the stream has it', () => tab.evaluate(() => document.querySelector('.entry')?.innerText.includes('but this is new')));
  await until('and lets go of it', () => tab.evaluate(() => !document.querySelector('.entry')));
  console.log('ok: messages that are kept no longer leave the page');
  await tab.context().close();
}

/** Somebody is made an owner, may write no more, is removed, comes back and leaves, while the page is open. */
async function membership(browser) {
  const server = await Server.started('membership');
  await server.register('alice');
  const bob = await server.register('bob');
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: 'Yard', members: ['alice'] });
  await send(server, bob, { conversation_id: group.id, text: 'welcome' });
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

/** What an event says by itself nobody asks the server for again. */
async function quiet(browser) {
  const server = await Server.started('quiet');
  const alice = await server.register('alice');
  const bob = await server.register('bob');
  await server.register('carol');
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: 'Yard', members: ['alice'] });
  const path = `conversations/${group.id}`;
  const said = await send(server, bob, { conversation_id: group.id, text: 'as it was' });
  await server.call('PUT', `${path}/read`, alice, { message_id: said.id });
  const tab = await visit(browser, server, 'alice', '/settings');
  const asked = [];
  tab.on('request', (request) => /\/conversations\/\d+$/.test(request.url()) && asked.push(request.url()));
  const listed = (words) => tab.waitForFunction((words) => document.querySelector('.side-list').innerText.includes(words), words);
  await listed('as it was');
  await server.call('PATCH', `messages/${said.id}`, bob, { text: 'as it is' });
  await listed('as it is');
  await server.call('DELETE', `messages/${said.id}?for=all`, bob);
  await listed('Message deleted');
  await server.call('POST', `${path}/members`, bob, { username: 'carol' });
  await server.call('PATCH', `${path}/members/carol`, bob, { role: 'owner' });
  await server.call('DELETE', `${path}/members/carol`, bob);
  await server.call('PATCH', path, bob, { name: 'Back yard' });
  await listed('Back yard');
  // What it would ask, it would ask within a second.
  await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_500)));
  assert.deepEqual(asked, []);
  const counts = await (await moduleOf(tab, 'after.js')).evaluate(({ after }) => {
    const large = { id: 1, kind: 'channel', name: 'All', members: null, member_count: 300, last_message: null, unread: 0, mention_count: 0 };
    const one = (type, id) => after(large, { type, data: { user: { id, username: 'carol' }, role: 'member' } }, 1);
    const events = [['member.added', 2], ['member.removed', 2], ['member.updated', 2], ['member.added', 1], ['member.updated', 1]];
    return events.map(([type, id]) => one(type, id)).map(({ now, ask }) => [now.member_count, ask]);
  });
  assert.deepEqual(counts, [[301, false], [299, false], [300, false], [301, true], [300, true]], 'of many people they are counted');
  const remembered = await (await moduleOf(tab, 'model.js')).evaluate(({ model }) => {
    for (let seq = 1; seq <= 3_000; seq += 1) model.overhear({ type: 'message.updated', at: '', seq, conversation_id: 0, data: { id: 0 } });
    return model.since(0).length;
  });
  assert(remembered <= 1_000, `${remembered} events are remembered`);
  console.log('ok: nobody asks for what an event said');
  await tab.context().close();
}

/** Answers that events overtook, or somebody else's login, do not take the place of what is newer. */
async function crossing(browser) {
  const server = await Server.started('crossing');
  await server.call('POST', 'conversations', await server.register('alice'), { kind: 'group', name: 'Of Alice alone', members: [] });
  const bob = await server.register('bob');
  const one = await send(server, bob, { to: ['alice'], text: 'one @alice' });
  const tab = await visit(browser, server, 'alice', '/settings');
  await until('the first is counted', () => tab.evaluate(() => document.querySelector('.conversation .badge')?.textContent === '1'));
  // Whenever it is asked for, something else is said before the answer comes.
  let said = 1;
  await tab.route('**/api/v1/conversations/*', async (route) => {
    const response = await route.fetch();
    said += 1;
    const text = `number ${said}`;
    await send(server, bob, { to: ['alice'], text });
    await says(tab, text);
    await route.fulfill({ response });
  });
  const answered = tab.waitForResponse('**/api/v1/conversations/*');
  await server.call('PATCH', `messages/${one.id}`, bob, { text: 'one, @alice' });
  await answered;
  // What it would do, it would do soon.
  await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
  await until('all are counted', () => tab.evaluate((said) => document.querySelector('.conversation .badge')?.textContent === String(said), said));
  assert.equal(await tab.innerText('.conversation-last'), `number ${said}`);
  assert.equal(said, 2, 'it is read once');
  console.log('ok: an answer that an event overtook');

  // Two tabs of one browser: in the first Alice's conversations are still on their way when Bob logs in by the second.
  await send(server, bob, { to: ['bob'], text: 'a note of mine' });
  const slow = await open(browser, server.origin);
  let let_go;
  const held = new Promise((resolve) => (let_go = resolve));
  await slow.route('**/api/v1/conversations?*', async (route) => {
    const response = await route.fetch();
    await held;
    await route.fulfill({ response });
  }, { times: 1 });
  await slow.goto('/login');
  await slow.fill('[name=username]', 'alice');
  await slow.fill('[name=password]', PASSWORD);
  const asking = slow.waitForRequest('**/api/v1/conversations?*');
  await slow.click('[type=submit]');
  await asking;
  const other = await openTab(slow.context());
  await other.goto('/settings');
  await other.click('text=Log out');
  await other.waitForURL('**/login');
  await logIn(other, 'bob');
  await slow.waitForFunction(() => document.querySelector('.account')?.textContent.includes('bob'));
  await slow.waitForSelector('.conversation');
  let_go();
  await send(server, bob, { to: ['bob'], text: 'another note' });
  await until('what is Bob’s comes', () => slow.evaluate(() => document.querySelector('.side-list').innerText.includes('another note')));
  assert.deepEqual(await slow.evaluate(() => [...document.querySelectorAll('.conversation-title')].map((one) => one.textContent).sort()), ['Notes to self', 'alice']);
  console.log('ok: somebody else’s login while answers are on their way');

  await slow.route('**/api/v1/messages', () => {});
  await slow.goto('/new');
  await slow.fill('.compose-text', '@alice a secret of mine');
  const sending = slow.waitForRequest('**/api/v1/messages');
  await slow.press('.compose-text', 'Enter');
  await sending;
  await other.goto('/settings');
  await other.click('text=Log out');
  await slow.waitForURL('**/login*');
  await slow.fill('[name=username]', 'alice');
  await slow.fill('[name=password]', PASSWORD);
  await slow.click('[type=submit]');
  await slow.waitForSelector('.shell');
  await slow.click('[aria-label="New message"]');
  await slow.waitForSelector('.picker-box');
  assert.equal(await slow.inputValue('.compose-text'), '', 'nobody finds what another wrote');
  console.log('ok: what was not sent is nobody else’s draft');
  for (const one of [tab, slow]) await one.context().close();
}

run(async () => {
  const browser = await launch();
  const parts = { markup, onlookers, reading, anew, expiry, membership, quiet, crossing, long };
  const wanted = process.argv.slice(3);
  for (const [name, part] of Object.entries(parts)) if (!wanted.length || wanted.includes(name)) await part(browser);
});
