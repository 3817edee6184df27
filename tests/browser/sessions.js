// Sessions that last, that are ended elsewhere, and that run out, in the web app and in its client.
//
//   node tests/browser/sessions.js path/to/goldcrest
//
// It ends with 0 if nobody who has a session noticed anything of it, and whoever lost his was told, and went on after a login.
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, enter, goBare, heard, launch, logIn, moduleOf, open, openTab, passes, run, until } = require('./support');
const { Way } = require('./way');

/** A page that holds tokens which last for seconds, over each transport. */
async function tokens(browser) {
  const { server } = await Server.ofTwo('tokens', '--access-token-lifetime', '8s');
  const began = Date.now();
  const tabs = await Promise.all(['sse', 'websocket', 'poll'].map(async (transport) => {
    const tab = await open(browser, server.origin, { lax: true });
    const seen = { refused: [], refreshed: 0, streams: 0 };
    tab.on('response', (answer) => { if (answer.status() === 401) seen.refused.push(answer.url()); });
    tab.on('request', (request) => {
      if (request.url().endsWith('/sessions/refresh')) seen.refreshed += 1;
      if (/\/(stream|ws)\b/.test(request.url())) seen.streams += 1;
    });
    tab.on('websocket', () => { seen.streams += 1; });
    await goBare(tab, { session: 'token', transport });
    await tab.evaluate((password) => client.login({ username: 'alice', password }), PASSWORD);
    await tab.evaluate(() => client.start());
    return { tab, seen, transport };
  }));
  for (const { tab } of tabs) await tab.waitForFunction(() => client.state.name === 'live', null, { polling: 50 });
  const sent = [];
  for (let number = 1; number <= 24; number += 1) {
    const text = `message ${number}`;
    await server.call('POST', 'messages', await server.logIn('bob'), { to: ['alice'], text });
    sent.push(text);
    await passes(1, 'tokens run out meanwhile');
  }
  for (const { tab, seen, transport } of tabs) {
    await heard(tab, sent, `over ${transport} while tokens ran out`);
    assert.deepEqual(seen.refused, [], `nothing was asked with a token that had run out, over ${transport}`);
    const seconds = (Date.now() - began) / 1_000;
    assert(seen.refreshed >= 3 && seen.refreshed <= seconds, `${seen.refreshed} fresh tokens in ${seconds} seconds over ${transport}`);
    assert(seen.streams <= seconds, `${seen.streams} streams in ${seconds} seconds over ${transport}`);
    assert.deepEqual(await tab.evaluate(() => told.logouts), []);
    await tab.context().close();
  }
  console.log('ok: tokens are got anew before they run out, and no stream has a gap by that');
}

/** Two tabs that keep such tokens in one place. */
async function sharedTokens(browser) {
  const { server } = await Server.ofTwo('shared-tokens', '--access-token-lifetime', '8s');
  const sent = [];
  const say = async (text) => {
    await server.call('POST', 'messages', await server.logIn('bob'), { to: ['alice'], text });
    sent.push(text);
  };
  const first = await open(browser, server.origin, { lax: true });
  const tabs = [first, await openTab(first.context())];
  const shown = [];
  const refused = [];
  for (const tab of tabs) {
    tab.on('response', (answer) => { if (answer.status() === 401) refused.push(answer.url()); });
    tab.on('request', (request) => { if (request.url().endsWith('/sessions/refresh')) shown.push(request.postDataJSON().refresh_token); });
    await goBare(tab, { session: 'token', keep: true });
    if (tab === first) await tab.evaluate((password) => client.login({ username: 'alice', password }), PASSWORD);
    else assert.equal(await tab.evaluate(() => client.resume().then((user) => user?.username)), 'alice');
    await tab.evaluate(() => client.start());
  }
  await say('one');
  const began = Date.now();
  await until('tokens to run out', async () => {
    for (const tab of tabs) await tab.evaluate(() => client.request('GET', 'me'));
    return Date.now() > began + 18_000;
  });
  await say('two');
  for (const tab of tabs) await heard(tab, sent, 'two tabs that share tokens');
  assert.deepEqual(refused, []);
  const seconds = (Date.now() - began) / 1_000;
  assert(shown.length >= 2 && shown.length <= seconds, `${shown.length} fresh tokens in ${seconds} seconds`);
  assert.equal(new Set(shown).size, shown.length, 'each refresh token was used once');
  // Who is logged in by the cookie has nothing to do with that.
  const apart = await openTab(first.context());
  await goBare(apart);
  await enter(apart, 'bob');
  await apart.evaluate(() => client.request('GET', 'me'));
  for (const tab of tabs) assert.equal(await tab.evaluate(() => client.request('GET', 'me').then(({ username }) => username)), 'alice');
  assert.deepEqual(await first.evaluate(() => told.logouts), []);
  await first.evaluate(() => client.logout());
  assert.deepEqual(await apart.evaluate(() => [client.user.username, told.logouts]), ['bob', []]);
  await tabs[1].waitForFunction(() => client.user === null);
  assert.equal(await first.evaluate(() => localStorage.getItem('tokens')), null);
  console.log('ok: of two tabs one gets the tokens for both');
  await first.context().close();
}

const texts = (tab) => tab.evaluate(() => document.querySelector('main').innerText);

/** Logs in at the page that one was sent to. */
async function again(tab, username) {
  await tab.fill('[name=username]', username);
  await tab.fill('[name=password]', PASSWORD);
  await tab.click('[type=submit]');
}

/** How much the web app knows of, and has not sent. */
async function listed(tab) {
  const [model, session] = [await moduleOf(tab, 'model.js'), await moduleOf(tab, 'session.js')];
  return tab.evaluate(([{ model }, { client }]) => ({ conversations: model.conversations().length, outbox: client.outbox.length }), [model, session]);
}

/** The session of a window with two tabs is ended from elsewhere. */
async function revoked(browser) {
  const way = await Way.made();
  const server = await Server.started('revoked', '--public-url', way.origin);
  way.to(server);
  await server.register('alice');
  const bob = await server.register('bob');
  const { conversation_id } = await server.call('POST', 'messages', bob, { to: ['alice'], text: 'a secret' });
  const tab = await open(browser, way.origin);
  await logIn(tab, 'alice');
  const place = `/conversations/${conversation_id}`;
  await tab.goto(place);
  await tab.waitForFunction(() => document.body.innerText.includes('a secret'));
  const other = await openTab(tab.context());
  await other.goto('/conversations');
  await other.waitForSelector('.conversation');
  way.blocked = { what: /^POST \/api\/v1\/messages\b/, how: 'close' };
  await tab.fill('.compose-text', 'not sent yet');
  await tab.press('.compose-text', 'Enter');
  await tab.waitForSelector('.pending');
  assert.deepEqual(await listed(tab), { conversations: 1, outbox: 1 });

  const mine = await server.logIn('alice');
  for (const { id, current } of (await server.call('GET', 'sessions', mine)).items) if (!current) await server.call('DELETE', `sessions/${id}`, mine);
  const ended = Date.now();
  for (const page of [tab, other]) {
    await page.waitForURL('**/login?then=*');
    await page.waitForFunction(() => document.body.innerText.includes('You were logged out on this device.'));
    await page.waitForSelector('[name=password]');
  }
  // Later than that, it would not be the stream that said so.
  assert(Date.now() - ended < 15_000, `it took ${Date.now() - ended} ms`);
  for (const page of [tab, other]) {
    assert(!/a secret|not sent yet/.test(await page.content()), 'nothing of what was said is left');
    assert.deepEqual(await listed(page), { conversations: 0, outbox: 0 }, 'nothing is left of what is known and waits');
  }
  console.log('ok: a session that was ended elsewhere is over in all tabs, which say so');

  await server.call('POST', 'messages', bob, { to: ['alice'], text: 'meanwhile' });
  way.release();
  await again(tab, 'alice');
  await tab.waitForURL(`**${place}`);
  for (const text of ['a secret', 'meanwhile', 'not sent yet']) await tab.waitForFunction((text) => document.querySelector('main').innerText.includes(text), text);
  await tab.waitForFunction(() => !document.querySelector('.pending'));
  await other.waitForURL('**/conversations');
  await other.waitForSelector('.conversation');
  await server.call('POST', 'messages', bob, { to: ['alice'], text: 'live again' });
  for (const page of [tab, other]) await page.waitForFunction(() => document.body.innerText.includes('live again'));
  assert.equal((await texts(tab)).split('not sent yet').length, 2, 'once');
  console.log('ok: after a login one goes on where one was');
  await tab.context().close();
}

/** A session runs out while its window is not there to use it. */
async function ranOut(browser) {
  const { server } = await Server.ofTwo('ran-out', '--session-lifetime', '6s');
  const { conversation_id } = await server.call('POST', 'messages', await server.logIn('bob'), { to: ['alice'], text: 'hello' });
  const tab = await open(browser, server.origin);
  await logIn(tab, 'alice');
  await tab.goto(`/conversations/${conversation_id}`);
  await tab.waitForFunction(() => document.body.innerText.includes('hello'));
  await tab.context().setOffline(true);
  await passes(8, 'the session runs out');
  await server.call('POST', 'messages', await server.logIn('bob'), { to: ['alice'], text: 'too late' });
  await tab.context().setOffline(false);
  await tab.waitForURL('**/login?then=*');
  await tab.waitForFunction(() => document.body.innerText.includes('You were logged out on this device.'));
  await again(tab, 'alice');
  await tab.waitForURL(`**/conversations/${conversation_id}`);
  await tab.waitForFunction(() => document.querySelector('main').innerText.includes('too late'));
  await server.call('POST', 'messages', await server.logIn('bob'), { to: ['alice'], text: 'in time' });
  await tab.waitForFunction(() => document.querySelector('main').innerText.includes('in time'));
  console.log('ok: a session that ran out leads to the login, and on from there');
  await tab.context().close();
}

/** Somebody else logs in in another tab: what stands in this one is nobody's at once. */
async function replaced(browser) {
  const { server, bob } = await Server.ofTwo('replaced');
  const { conversation_id } = await server.call('POST', 'messages', bob, { to: ['alice'], text: 'a secret' });
  const tab = await open(browser, server.origin, { lax: true });
  await logIn(tab, 'alice');
  await tab.goto(`/conversations/${conversation_id}`);
  await tab.waitForSelector('.compose-text');
  const other = await openTab(tab.context());
  await goBare(other);
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await tab.route('**/api/v1/conversations?*', async (route) => {
    await held;
    await route.continue();
  });
  const asked = tab.waitForRequest('**/api/v1/conversations?*');
  await enter(other, 'bob');
  await asked;
  assert.equal(await tab.locator('.compose-text, .shell').count(), 0, 'nobody writes where somebody else was about to');
  release();
  await tab.waitForFunction(() => document.querySelector('.account')?.textContent.includes('bob'));
  await tab.waitForSelector('.compose-text');
  console.log('ok: somebody else’s login in another tab');
  await tab.context().close();
}

/** An account is deleted, of which the stream tells before the answer does. */
async function deleted(browser) {
  const { server } = await Server.ofTwo('deleted');
  const tab = await open(browser, server.origin);
  await logIn(tab, 'alice');
  await tab.route('**/api/v1/messages', (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()));
  await tab.goto('/new');
  await tab.fill('.compose-text', '@bob never sent');
  await tab.press('.compose-text', 'Enter');
  const kept = () => tab.evaluate(() => [localStorage, sessionStorage].flatMap((all) => Object.keys(all)).filter((name) => name.startsWith('goldcrest:http')));
  await until('it to wait', async () => (await kept()).some((name) => name.includes(':outbox:')));
  await tab.goto('/settings');
  await tab.click('text="Delete the account…"');
  await tab.fill('dialog [name=password]', 'a wrong horse');
  const confirm = async () => {
    await tab.click('dialog [type=submit]');
    await tab.click('text="Delete for good"');
  };
  await confirm();
  await tab.waitForFunction(() => document.body.innerText.includes('That is not your password.'));
  assert((await kept()).length > 1, 'nothing is forgotten for that');
  await tab.route('**/api/v1/me', async (route) => {
    if (route.request().method() !== 'DELETE') return route.continue();
    const response = await route.fetch();
    await tab.waitForURL('**/login*');
    return route.fulfill({ response });
  });
  await tab.fill('dialog [name=password]', PASSWORD);
  await confirm();
  await tab.waitForFunction(() => document.body.innerText.includes('The account is deleted.'));
  assert(!(await tab.evaluate(() => document.body.innerText)).includes('You were logged out'), 'he knows why');
  assert.deepEqual(await kept(), [], 'nothing is left of an account that is deleted');
  console.log('ok: a deleted account leaves nothing in the browser');
  await tab.context().close();
}

run(async () => {
  const browser = await launch();
  await Promise.all([tokens, sharedTokens, revoked, ranOut, replaced, deleted].map((test) => test(browser)));
});
