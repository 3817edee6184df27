// Sends where nothing gets through, in two tabs of one browser, and lets others log in there.
//
//   node tests/browser/outbox.js path/to/goldcrest
//
// It ends with 0 if every message was sent once, by its author alone, and none that its author had given up by logging out.
'use strict';

const assert = require('node:assert/strict');
const { enter, goBare, isLive, launch, open, openTab, resume, run, until } = require('./support');
const { MESSAGES, reached } = require('./way');

const outbox = (tab) => tab.evaluate(() => client.outbox.map(({ message }) => message.text));
const kept = (tab) => tab.evaluate(() => Object.keys(localStorage).filter((key) => key.includes(':outbox:')));
const isOut = (tab) => tab.waitForFunction(() => client.user === null, null, { polling: 50 });

/** All messages that there are, the oldest first, as their author and text. */
async function written(server, username) {
  const { items } = await server.call('GET', 'messages?limit=100', await server.logIn(username));
  return items.map(({ author, text }) => `${author.username}: ${text}`).reverse();
}

/** What waits to be sent, where the answers do not come. */
async function waiting(browser) {
  const { way, server } = await reached('waiting');
  await server.register('alice');
  await server.register('bob');
  const tab = await open(browser, way.origin, { lax: true });
  await goBare(tab);
  await enter(tab, 'alice');

  // The server has them, and nobody knows.
  way.blocked = { what: MESSAGES, how: 'mute' };
  await tab.evaluate(() => ['one', 'two'].forEach((text) => client.send({ to: ['bob'], text })));
  await until('an attempt', () => tab.evaluate(() => client.outbox[0]?.state === 'waiting'));
  await goBare(tab);
  assert.equal(await resume(tab), 'alice');
  assert.deepEqual(await outbox(tab), ['one', 'two']);
  const other = await openTab(tab.context());
  await goBare(other);
  assert.equal(await resume(other), 'alice');
  assert.deepEqual(await outbox(other), ['one', 'two']);
  way.release();
  // Both tabs have reason to hurry.
  for (const page of [tab, other]) await page.evaluate(() => dispatchEvent(new Event('online')));
  await until('the outbox to be empty', async () => (await outbox(tab)).length + (await outbox(other)).length === 0);
  assert.deepEqual(await written(server, 'bob'), ['alice: one', 'alice: two']);
  console.log('ok: what waits survives that the page is loaded again, and is sent once by two tabs');

  way.blocked = { what: MESSAGES, how: 'close' };
  await tab.evaluate(() => client.send({ to: ['bob'], text: 'three' }));
  await until('an attempt', () => tab.evaluate(() => client.outbox[0]?.state === 'waiting'));
  await tab.evaluate(() => client.logout());
  await isOut(other);
  assert.deepEqual(await other.evaluate(() => told.logouts), ['logged_out']);
  assert.deepEqual(await kept(tab), [], 'logging out empties the outbox');
  await enter(tab, 'alice');
  way.release();
  assert.deepEqual(await outbox(tab), []);
  const last = await tab.evaluate(() => client.send({ to: ['bob'], text: 'four' }).sent.then(({ text }) => text));
  assert.equal(last, 'four');
  assert.deepEqual(await written(server, 'bob'), ['alice: one', 'alice: two', 'alice: four']);
  console.log('ok: logging out empties the outbox');

  // The session ends without its user's doing, and somebody else comes.
  way.blocked = { what: MESSAGES, how: 'close' };
  await until('the other tab to follow', () => other.evaluate(() => client.user?.username === 'alice'));
  await tab.evaluate(() => client.start());
  await tab.evaluate(() => client.send({ to: ['bob'], text: 'five' }));
  await until('an attempt', () => tab.evaluate(() => client.outbox[0]?.state === 'waiting'));
  const mine = await server.logIn('alice');
  for (const { id, current } of (await server.call('GET', 'sessions', mine)).items) if (!current) await server.call('DELETE', `sessions/${id}`, mine);
  for (const page of [tab, other]) await isOut(page);
  assert.deepEqual(await tab.evaluate(() => told.logouts.at(-1)), 'session_ended');
  assert.deepEqual(await other.evaluate(() => told.logouts.at(-1)), 'session_ended', 'the other tab hears why');
  assert.deepEqual(await outbox(tab), []);
  await enter(tab, 'bob');
  await until('the other tab to follow', () => other.evaluate(() => client.user?.username === 'bob'));
  way.release();
  assert.deepEqual(await outbox(tab), []);
  await tab.evaluate(() => client.send({ to: ['alice'], text: 'from bob' }).sent);
  assert.deepEqual((await written(server, 'bob')).slice(3), ['bob: from bob']);
  await tab.evaluate(() => client.logout());
  await enter(tab, 'alice');
  await until('what she had written to be sent', async () => (await outbox(tab)).length === 0);
  assert.deepEqual((await written(server, 'bob')).slice(3), ['bob: from bob', 'alice: five']);
  console.log('ok: what waits is sent by its author alone, also when the session ended before');

  // The tab that leads hears that the session is over before the other, which ends it, has its answer.
  await until('the other tab to follow', () => other.evaluate(() => client.user?.username === 'alice'));
  for (const page of [other, tab]) {
    await page.evaluate(() => client.start());
    await isLive(page);
  }
  way.blocked = { what: MESSAGES, how: 'close' };
  await tab.evaluate(() => client.send({ to: ['bob'], text: 'six' }));
  await until('an attempt', () => tab.evaluate(() => client.outbox[0]?.state === 'waiting'));
  way.blocked = { what: /^(DELETE|POST) /, how: 'late' };
  const leaving = tab.evaluate(() => client.logout());
  for (const page of [tab, other]) await isOut(page);
  assert(way.held > 0, 'the answer is still on its way');
  way.release();
  await leaving;
  assert.deepEqual(await tab.evaluate(() => told.logouts.at(-1)), 'logged_out');
  assert.deepEqual(await tab.evaluate(() => Object.keys(localStorage)), [], 'nothing is left of it');
  console.log('ok: logging out empties the outbox, whoever hears of it first');
  await tab.context().close();
}

/** A tab that slept while somebody else logged in, and a call that was under way. */
async function others(browser) {
  const { way, server } = await reached('others');
  await server.register('alice');
  await server.register('bob');
  const tab = await open(browser, way.origin, { lax: true });
  const deaf = await openTab(tab.context());
  // Nothing that other tabs say gets here.
  await deaf.addInitScript(() => delete globalThis.BroadcastChannel);
  await goBare(tab);
  await enter(tab, 'alice');
  await goBare(deaf);
  assert.equal(await resume(deaf), 'alice');
  way.blocked = { what: /^GET \/api\/v1\/presence\b/, how: 'hold' };
  const late = tab.evaluate(() => client.request('GET', 'presence').then(() => 'answered', ({ status }) => status));
  await until('the call to be under way', () => way.held > 0);
  await tab.evaluate(() => client.logout());
  await enter(tab, 'bob');
  await deaf.evaluate(() => client.send({ to: ['bob'], text: 'from whom?' })).catch(() => {});
  await until('the tab to find out', () => deaf.evaluate(() => client.user?.username === 'bob'));
  assert.deepEqual(await deaf.evaluate(() => told.logouts), ['another_user']);
  assert.deepEqual(await deaf.evaluate(() => told.logins), ['alice', 'bob']);
  way.release();
  assert.equal(await late, 401);
  assert.equal(await tab.evaluate(() => client.user?.username), 'bob', 'a late refusal is about whoever asked');
  assert.deepEqual(await written(server, 'bob'), []);
  console.log('ok: nothing is done in the name of somebody else who logged in meanwhile');
  await tab.context().close();
}

run(async () => {
  const browser = await launch();
  await Promise.all([waiting(browser), others(browser)]);
});
