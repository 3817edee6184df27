// Opens many tabs of one browser, which share a connection and an outbox, and takes away the one that holds the connection.
//
//   node tests/browser/tabs.js path/to/goldcrest
//
// It ends with 0 if every tab told every message exactly once, in order, and every message that was sent was sent once.
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, Way, goBare, heard, launch, open, openTab, run, sleep, talker, until } = require('./support');

const MESSAGES = /^POST \/api\/v1\/messages\b/;

/** A server that is reached by a way that knows what goes there. */
async function reached(name) {
  const way = await Way.made();
  const server = await Server.started(name, '--public-url', way.origin);
  way.to(server);
  return { way, server };
}

const enter = (tab, username) => tab.evaluate(([username, password]) => client.login({ username, password }), [username, PASSWORD]);
const resume = (tab) => tab.evaluate(() => client.resume().then((user) => user?.username ?? null));
const outbox = (tab) => tab.evaluate(() => client.outbox.map(({ message }) => message.text));
const kept = (tab) => tab.evaluate(() => Object.keys(localStorage).filter((key) => key.includes(':outbox:')));
const isOut = (tab) => tab.waitForFunction(() => client.user === null, null, { polling: 50 });

/** All messages that there are, the oldest first, as their author and text. */
async function written(server, username) {
  const { items } = await server.call('GET', 'messages?limit=100', await server.logIn(username));
  return items.map(({ author, text }) => `${author.username}: ${text}`).reverse();
}

/** Eight tabs, of which one after the other holds the connection. */
async function connection(browser) {
  const { way, server } = await reached('connection');
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  let holder = null;
  const first = await open(browser, way.origin, { lax: true });
  const tabs = new Set([first]);
  for (let number = 2; number <= 8; number += 1) tabs.add(await openTab(first.context()));
  for (const tab of tabs) {
    tab.on('request', (request) => { if (/\/(stream|ws)$/.test(new URL(request.url()).pathname)) holder = tab; });
    await goBare(tab);
    if (tab === first) await enter(tab, 'alice');
    else assert.equal(await resume(tab), 'alice');
    await tab.evaluate(() => client.start());
  }
  const all = async (what) => {
    await Promise.all([...tabs].map((tab) => heard(tab, sent, what)));
    await Promise.all([...tabs].map((tab) => tab.waitForFunction(() => client.state.name === 'live', null, { polling: 50 })));
    await until(`one connection after: ${what}`, () => way.streams.size === 1);
    for (const tab of tabs) assert.deepEqual(await tab.evaluate(() => told.resets), []);
    console.log(`ok: ${what}: ${sent.length} messages in each of ${tabs.size} tabs over one connection`);
  };
  const inTheMidst = async (what, act) => {
    const saying = say(40);
    const begin = sent.length;
    await until('some to be said', () => sent.length > begin + 10);
    const result = await act(holder);
    await saying;
    await all(what);
    return result;
  };
  for (const tab of tabs) await tab.waitForFunction(() => client.state.name === 'live', null, { polling: 50 });
  await say(5);
  await all('eight tabs');

  await inTheMidst('the tab that held it was closed', async (tab) => {
    tabs.delete(tab);
    await tab.close();
  });

  const [frozen, wake] = await inTheMidst('the tab that held it was frozen', async (tab) => {
    tabs.delete(tab);
    return [tab, await sleep(tab, { announced: true })];
  });
  await wake();
  tabs.add(frozen);
  await all('the tab that was frozen is back');

  await inTheMidst('the tab that held it crashed', async (tab) => {
    tabs.delete(tab);
    // Pages of one origin may share a process, and then they crash together.
    for (const other of tabs) other.once('crash', () => tabs.delete(other));
    const devtools = await tab.context().newCDPSession(tab);
    devtools.send('Page.crash').catch(() => {});
    await new Promise((resolve) => tab.once('crash', resolve));
  });
  assert(tabs.size >= 2, 'there are tabs left');

  const away = await openTab(first.context()).then(async (tab) => { await goBare(tab); return tab; });
  assert.equal(await resume(away), 'alice');
  const [begun] = tabs;
  await away.evaluate((position) => client.start({ after: position }), await begun.evaluate(() => client.position));
  const before = sent.length;
  await say(3);
  await heard(away, sent.slice(before), 'a tab that comes later');
  await away.goto('about:blank');
  await say(3);
  await away.goBack();
  await away.evaluate(() => globalThis.told).then(async (told) => {
    // Whether the browser had kept the page, is its own affair: one that comes back reads what it missed, another begins anew.
    if (!told) {
      await goBare(away);
      assert.equal(await resume(away), 'alice');
      await away.evaluate(() => client.start());
      await heard(away, sent.slice(before + 3), 'a page that was left, and is loaded again, goes on from where it was');
    } else await heard(away, sent.slice(before), 'a page that was left, and comes back as it was');
  });
  await first.context().close();
}

/** A tab that holds the connection, and does not know that it falls asleep. */
async function asleep(browser) {
  const { way, server } = await reached('asleep');
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  const holder = await open(browser, way.origin, { lax: true });
  await goBare(holder);
  await enter(holder, 'alice');
  await holder.evaluate(() => client.start());
  await holder.waitForFunction(() => client.state.name === 'live', null, { polling: 50 });
  const tab = await openTab(holder.context());
  await goBare(tab);
  await resume(tab);
  await tab.evaluate(() => client.start());
  await tab.waitForFunction(() => client.state.name === 'live', null, { polling: 50 });
  await say(2);
  await heard(tab, sent, 'two tabs');
  // It sleeps over a message, too.
  way.blocked = { what: MESSAGES, how: 'hold' };
  const post = holder.evaluate(() => void client.send({ to: ['bob'], text: 'sent late' }));
  await until('it to be under way', () => way.held > 0);
  await post;
  const wake = await sleep(holder, { announced: false });
  way.blocked = { what: null };
  await say(2);
  const later = tab.evaluate(() => client.send({ to: ['bob'], text: 'sent meanwhile' }).sent.then(({ text }) => text));
  const all = [...sent, 'sent late', 'sent meanwhile'];
  await heard(tab, all, 'the other tab takes over');
  assert.equal(await later, 'sent meanwhile', 'and sends');
  await wake();
  way.release();
  sent.splice(0, sent.length, ...all);
  await server.call('POST', 'messages', await server.logIn('bob'), { to: ['alice'], text: 'the last' });
  sent.push('the last');
  for (const one of [tab, holder]) await heard(one, sent, 'the tab that slept is back');
  await until('one connection', () => way.streams.size === 1);
  console.log('ok: a tab that fell asleep over the connection and a message is relieved of both');
  await tab.context().close();
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
  await isOut(deaf);
  assert.deepEqual(await deaf.evaluate(() => told.logouts), ['another_user']);
  way.release();
  assert.equal(await late, 401);
  assert.equal(await tab.evaluate(() => client.user?.username), 'bob', 'a late refusal is about whoever asked');
  assert.deepEqual(await written(server, 'bob'), []);
  console.log('ok: nothing is done in the name of somebody else who logged in meanwhile');
  await tab.context().close();
}

run(async () => {
  const browser = await launch();
  await Promise.all([connection(browser), asleep(browser), waiting(browser), others(browser)]);
});
