// What the web app knows of the server's state: by events, by answers that cross them, and after a reset.
//
//   node tests/browser/model.js path/to/goldcrest [part…]
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH).
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, launch, logIn, moduleOf, open, openTab, passes, run, says, until, visit } = require('./support');

/** Longer than the page takes to ask for something, in seconds: it gathers for up to one. */
const ASKING = 1.5;

const saysNot = (tab, words) => tab.waitForFunction((words) => !document.body.innerText.includes(words), words);

/** An older copy of the data takes the place of what the page knows. */
async function anew(browser) {
  const { server, alice, bob } = await Server.ofTwo('anew');
  const root = await server.send(alice, { to: ['bob'], text: 'as it was' });
  const { conversation_id } = root;
  for (let number = 1; number <= 150; number += 1) await server.send(alice, { conversation_id, text: `between, ${number}` });
  await server.send(bob, { conversation_id, thread_id: root.id, text: 'a reply' });
  const last = await server.send(alice, { conversation_id, text: 'the last' });
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
  const newest = await server.send(alice, { conversation_id, text: 'the newest' });
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

/** What an event says by itself nobody asks the server for again. */
async function quiet(browser) {
  const { server, alice, bob } = await Server.ofTwo('quiet');
  await server.register('carol');
  const group = await server.call('POST', 'conversations', bob, { kind: 'group', name: 'Yard', members: ['alice'] });
  const path = `conversations/${group.id}`;
  const said = await server.send(bob, { conversation_id: group.id, text: 'as it was' });
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
  await passes(ASKING, 'what it would ask, it would ask within a second');
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
  const one = await server.send(bob, { to: ['alice'], text: 'one @alice' });
  const tab = await visit(browser, server, 'alice', '/settings');
  await until('the first is counted', () => tab.evaluate(() => document.querySelector('.conversation .badge')?.textContent === '1'));
  // Whenever it is asked for, something else is said before the answer comes.
  let said = 1;
  await tab.route('**/api/v1/conversations/*', async (route) => {
    const response = await route.fetch();
    said += 1;
    const text = `number ${said}`;
    await server.send(bob, { to: ['alice'], text });
    await says(tab, text);
    await route.fulfill({ response });
  });
  const answered = tab.waitForResponse('**/api/v1/conversations/*');
  await server.call('PATCH', `messages/${one.id}`, bob, { text: 'one, @alice' });
  await answered;
  await passes(ASKING, 'it would read it again within a second');
  await until('all are counted', () => tab.evaluate((said) => document.querySelector('.conversation .badge')?.textContent === String(said), said));
  assert.equal(await tab.innerText('.conversation-last'), `number ${said}`);
  assert.equal(said, 2, 'it is read once');
  console.log('ok: an answer that an event overtook');

  // Two tabs of one browser: in the first Alice's conversations are still on their way when Bob logs in by the second.
  await server.send(bob, { to: ['bob'], text: 'a note of mine' });
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
  await server.send(bob, { to: ['bob'], text: 'another note' });
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
  const parts = { anew, quiet, crossing };
  const wanted = process.argv.slice(3);
  for (const [name, part] of Object.entries(parts)) if (!wanted.length || wanted.includes(name)) await part(browser);
});
