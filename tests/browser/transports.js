// Listens over each transport while the server comes and goes, and where some of them are blocked on the way.
//
//   node tests/browser/transports.js path/to/goldcrest
//
// It ends with 0 if every message came exactly once, in order, over each.
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, goBare, heard, launch, open, run, talker, until } = require('./support');
const { Way } = require('./way');

const TRANSPORTS = ['sse', 'websocket', 'poll'];

async function listener(browser, origin, options) {
  const tab = await open(browser, origin, { lax: true });
  await goBare(tab, options);
  await tab.evaluate((password) => client.login({ username: 'alice', password }), PASSWORD);
  await tab.evaluate(() => client.start());
  return tab;
}

async function isLive(tab, transport) {
  const state = () => tab.evaluate(() => `${client.state.name} ${client.state.transport}`);
  await until(`${transport} to be live`, async () => (await state()) === `live ${transport}`).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await tab.evaluate(() => told))}`);
  });
}

/** Each by itself, through a server that is killed and one that is stopped. */
async function restarts(browser) {
  const server = await Server.started('restarts');
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  const tabs = await Promise.all(TRANSPORTS.map((transport) => listener(browser, server.origin, { transport })));
  const all = async (what) => {
    await Promise.all(tabs.map((tab, index) => heard(tab, sent, `${what}, over ${TRANSPORTS[index]}`)));
    await Promise.all(tabs.map((tab, index) => isLive(tab, TRANSPORTS[index])));
  };
  await Promise.all(tabs.map((tab, index) => isLive(tab, TRANSPORTS[index])));
  await say(5);
  await all('what is said while all listen');
  for (const signal of ['SIGKILL', 'SIGTERM']) {
    // Some of it is on its way.
    const before = sent.length;
    const saying = say(30).catch(() => {});
    await until('some to be said', () => sent.length > before + 10);
    await server.end(signal);
    await saying;
    await server.start();
    // Whether the last one was written nobody was told.
    const { items } = await server.call('GET', 'messages?limit=1', await server.logIn('bob'));
    if (items[0].text !== sent.at(-1)) sent.push(items[0].text);
    await say(5);
    await all(`a server that got ${signal}`);
  }
  for (const tab of tabs) await tab.context().setOffline(true);
  for (const tab of tabs) await tab.waitForFunction(() => client.state.name === 'offline', null, { polling: 50 });
  await say(3);
  for (const tab of tabs) await tab.context().setOffline(false);
  await all('a network that was off');
  for (const tab of tabs) assert.deepEqual(await tab.evaluate(() => told.resets), []);
  for (const tab of tabs) await tab.context().close();
  console.log(`ok: ${TRANSPORTS} each bring ${sent.length} messages once, through two restarts`);
}

/** What is left where others are blocked, by what closes them and by what holds their answers back. */
async function blocks(browser) {
  const ways = { sse: 'stream', websocket: 'ws', poll: 'api/v1/events' };
  await Promise.all(TRANSPORTS.flatMap((left) => ['close', 'hold'].map(async (how) => {
    const way = await Way.made();
    const server = await Server.started(`${left}-${how}`, '--public-url', way.origin);
    way.to(server);
    await server.register('alice');
    const { sent, say } = talker(server, await server.register('bob'), ['alice']);
    const others = TRANSPORTS.filter((one) => one !== left).map((one) => ways[one]);
    way.blocked = { what: new RegExp(`^GET /(${others.join('|')})\\b`), how };
    const tab = await listener(browser, way.origin);
    await isLive(tab, left);
    await say(3);
    await heard(tab, sent, `${left} where the others are blocked by ${how}`);
    await server.end('SIGKILL');
    await server.start();
    await say(3);
    await heard(tab, sent, `${left} where the others are blocked by ${how}, after a restart`);
    await tab.context().close();
    await server.end('SIGKILL');
    console.log(`ok: ${left} is found where the others are blocked by ${how}`);
  })));
}

/** One that is forced, and does not come through, is tried again, but not without a pause. */
async function patience(browser) {
  await Promise.all(TRANSPORTS.map(async (transport) => {
    const way = await Way.made();
    const server = await Server.started(transport, '--public-url', way.origin);
    way.to(server);
    await server.register('alice');
    const { sent, say } = talker(server, await server.register('bob'), ['alice']);
    let tries = 0;
    way.blocked = { what: { test: (line) => /^GET \/(stream|ws|api\/v1\/events)\b/.test(line) && (tries += 1) }, how: 'close' };
    const tab = await listener(browser, way.origin, { transport });
    await until('three attempts', () => tries >= 3);
    const before = { tries, at: Date.now() };
    await until('a while', () => Date.now() - before.at > 2_000);
    // Chromium itself tries a request once more whose connection broke.
    assert(tries - before.tries <= 6, `${tries - before.tries} attempts in 2 seconds over ${transport}`);
    way.blocked = { what: null };
    await isLive(tab, transport);
    await say(2);
    await heard(tab, sent, `${transport} that was blocked for a while`);
    await tab.context().close();
  }));
  console.log('ok: a transport that does not come through is not hammered at');
}

/** What stands between refuses everything in its own words for a while: that says nothing of the session. */
async function between(browser) {
  const server = await Server.started('between');
  await server.register('alice');
  await Promise.all([401, 403].map(async (status) => {
    const tab = await listener(browser, server.origin, { transport: 'sse' });
    await isLive(tab, 'sse');
    await tab.context().route(/\/(stream|events|me)\b/, (route) => route.fulfill({ status, body: 'Pay for the network first.' }));
    await tab.context().setOffline(true);
    await tab.context().setOffline(false);
    await tab.waitForFunction(() => client.state.name === 'waiting' && client.state.error?.code === 'unexpected', null, { polling: 50 });
    await tab.context().unroute(/\/(stream|events|me)\b/);
    await isLive(tab, 'sse');
    assert.deepEqual(await tab.evaluate(() => told.logouts), []);
    await tab.context().close();
  }));
  console.log('ok: who stands between and refuses ends no session and no stream');

  // The server itself asks to be left alone for a while.
  const tab = await listener(browser, server.origin, { transport: 'sse' });
  await isLive(tab, 'sse');
  let asked = 0;
  await tab.context().route(/\/stream\b/, (route) => {
    asked += 1;
    return route.fulfill({ status: 503, headers: { 'Retry-After': '15', 'Content-Type': 'application/problem+json' }, body: '{"code":"unavailable"}' });
  });
  await tab.context().setOffline(true);
  await tab.context().setOffline(false);
  await tab.waitForFunction(() => client.state.name === 'waiting', null, { polling: 50 });
  const from = Date.now();
  const before = asked;
  await until('three seconds', async () => {
    await tab.evaluate(() => void dispatchEvent(new Event('focus')));
    return Date.now() - from > 3_000;
  });
  assert.equal(asked, before, 'nobody who comes back to the page makes it ask earlier');
  await tab.context().unroute(/\/stream\b/);
  await isLive(tab, 'sse');
  await tab.context().close();
  console.log('ok: what the server asks to wait for is waited for');
}

run(async () => {
  const browser = await launch();
  await restarts(browser);
  await Promise.all([patience(browser), blocks(browser), between(browser)]);
});
