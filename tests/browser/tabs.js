// Opens many tabs of one browser, which share a connection, and takes away the one that holds it.
//
//   node tests/browser/tabs.js path/to/goldcrest
//
// It ends with 0 if every tab told every message exactly once, in order.
'use strict';

const assert = require('node:assert/strict');
const os = require('node:os');
const { Server, enter, goBare, heard, isLive, launch, open, openTab, resume, run, sleep, talker, until } = require('./support');
const { MESSAGES, reached } = require('./way');

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
    await Promise.all([...tabs].map((tab) => isLive(tab)));
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
  for (const tab of tabs) await isLive(tab);
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
  await isLive(holder);
  const tab = await openTab(holder.context());
  await goBare(tab);
  await resume(tab);
  await tab.evaluate(() => client.start());
  await isLive(tab);
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
  // It waits 40 seconds before it takes what another holds, looks every 5, and has to connect after that.
  await until('the other tab to take over', () => tab.evaluate((many) => told.texts.length >= many, all.length), 120_000);
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

/** Tabs that each follow other channels. */
async function channels(browser) {
  const { way, server } = await reached('channels');
  await server.register('alice');
  const bob = await server.register('bob');
  const places = { News: null, Weather: null };
  for (const name of Object.keys(places)) places[name] = (await server.call('POST', 'conversations', bob, { kind: 'channel', name })).id;
  const sent = [];
  const say = async (count) => {
    for (let number = 0; number < count; number += 1) {
      for (const [name, conversation_id] of Object.entries(places)) {
        const text = `${name} ${sent.length + 1}`;
        await server.call('POST', 'messages', bob, { conversation_id, text });
        sent.push(text);
      }
    }
  };
  const tab = await open(browser, way.origin, { lax: true });
  await goBare(tab);
  await enter(tab, 'alice');
  await tab.evaluate(() => client.start());
  await isLive(tab);
  const others = {};
  for (const name of Object.keys(places)) {
    others[name] = await openTab(tab.context());
    // What it follows the others learn late.
    await others[name].addInitScript(() => {
      const post = BroadcastChannel.prototype.postMessage;
      BroadcastChannel.prototype.postMessage = function say(message) {
        if (message.kind !== 'hello') {
          post.call(this, message);
          return;
        }
        // It may have stopped by then.
        const late = () => { try { post.call(this, message); } catch { /* nobody hears it */ } };
        setTimeout(late, 300);
      };
    });
    await goBare(others[name]);
    await resume(others[name]);
  }
  // They begin in the midst, from where nothing was said yet.
  const head = await tab.evaluate(() => client.request('GET', 'conversations').then(({ head }) => head));
  const saying = say(15);
  for (const [name, other] of Object.entries(others)) await other.evaluate(([after, name]) => client.start({ after, channels: [name] }), [head, name]);
  await until('some to be said', () => sent.length > 14);
  await tab.close();
  await saying;
  await say(1);
  for (const [name, other] of Object.entries(others)) {
    const own = (texts) => texts.filter((text) => text.startsWith(name));
    await until(`all of ${name}`, async () => own(await other.evaluate(() => told.texts)).length >= own(sent).length).catch(() => {});
    assert.deepEqual(own(await other.evaluate(() => told.texts)), own(sent));
  }
  await until('one connection', () => way.streams.size === 1);
  console.log('ok: each tab hears the channels that it follows, whoever holds the connection');

  // One that there is no more takes nothing away from the others.
  const lost = await openTab(others.News.context());
  await goBare(lost);
  await resume(lost);
  await lost.evaluate(() => client.start({ channels: ['Nowhere'] }));
  await until('it to be refused', () => lost.evaluate(() => client.state.name === 'refused'));
  assert.deepEqual(await lost.evaluate(() => [client.state.error.status, told.logouts]), [404, []]);
  for (const other of Object.values(others)) await isLive(other);
  await others.News.evaluate(() => client.request('GET', 'conversations').then(({ head }) => client.start({ after: head, channels: ['Elsewhere'] })));
  await until('it to be refused', () => others.News.evaluate(() => client.state.name === 'refused'));
  await isLive(others.Weather);
  const told = sent.length;
  await say(1);
  await until('the other to hear', () => others.Weather.evaluate((text) => told.texts.includes(text), sent[told + 1]));
  console.log('ok: a channel that there is not is refused to whoever follows it alone');
  await lost.context().close();
}

/** What is answered after something else came, and what nobody wants any more. */
async function overtaken(browser) {
  const { way, server } = await reached('overtaken');
  await server.register('alice');
  const { say } = talker(server, await server.register('bob'), ['alice']);
  await say(5);
  const tab = await open(browser, way.origin, { lax: true });
  const follow = async () => {
    await goBare(tab);
    if ((await resume(tab)) === null) await enter(tab, 'alice');
    await tab.evaluate(async () => {
      const line = `goldcrest:${location.origin}:${client.user.id}:stream`;
      // Somebody else leads, and says what he is made to say.
      await new Promise((resolve) => void navigator.locks.request(line, { steal: true }, () => new Promise(() => resolve())));
      globalThis.leader = new BroadcastChannel(line);
      client.start({ after: 1 });
    });
  };
  const skip = () => tab.evaluate(() => leader.postMessage({ kind: 'passed', from: 3, to: 4, event: null, channels: [] }));
  await follow();
  way.blocked = { what: /^GET \/api\/v1\/events\b/, how: 'hold' };
  await skip();
  await until('it to read what it missed', () => way.held > 0);
  await tab.evaluate(() => {
    const answer = Response.prototype.json;
    Response.prototype.json = function read() {
      globalThis.answered = answer.call(this);
      return globalThis.answered;
    };
    leader.postMessage({ kind: 'reset', reset: { reason: 'restored', position: 1 } });
  });
  await until('a reset', () => tab.evaluate(() => told.resets.length > 0));
  way.release();
  await tab.waitForFunction(() => globalThis.answered);
  assert(await tab.evaluate(() => answered.then(({ events }) => events.length > 3)), 'it brought something');
  assert.deepEqual(await tab.evaluate(() => [told.texts, client.position]), [[], 1], 'what was asked before a reset is about another line');

  await follow();
  await tab.evaluate(() => client.on('message.created', () => client.stop()));
  await skip();
  await until('something to be heard', () => tab.evaluate(() => told.texts.length > 0));
  assert.deepEqual(await tab.evaluate(() => told.texts), ['message 1'], 'whoever stops hears no more');
  console.log('ok: answers from before a reset, and what comes after one stopped, are nobody’s business');
  await tab.context().close();
}

/** Places on a line that is another by now, and shorter. */
async function restored(browser) {
  const { way, server } = await reached('restored');
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  const tabs = [await open(browser, way.origin, { lax: true })];
  await goBare(tabs[0]);
  await enter(tabs[0], 'alice');
  tabs.push(await openTab(tabs[0].context()));
  await goBare(tabs[1]);
  await resume(tabs[1]);
  for (const tab of tabs) await tab.evaluate(() => client.start());
  for (const tab of tabs) await isLive(tab);
  await server.end('SIGTERM');
  server.copy();
  await server.start();
  await say(10);
  for (const tab of tabs) await heard(tab, sent, 'before');
  await server.end('SIGKILL');
  server.restore();
  await server.start();
  for (const tab of tabs) await until('a reset', () => tab.evaluate(() => told.resets.length > 0));
  tabs.push(await openTab(tabs[0].context()));
  await goBare(tabs[2]);
  await resume(tabs[2]);
  // From before the restore, as a page may have it that kept it by itself.
  await tabs[2].evaluate(() => client.start({ after: 1_000_000 }));
  await until('a reset', () => tabs[2].evaluate(() => told.resets.length > 0));
  const later = talker(server, await server.logIn('bob'), ['alice']);
  await later.say(3);
  for (const tab of tabs.slice(0, 2)) await heard(tab, [...sent, ...later.sent], 'after');
  await heard(tabs[2], later.sent, 'after, in a tab that comes later');
  for (const tab of tabs) assert.deepEqual(await tab.evaluate(() => told.resets), ['beyond_head']);
  console.log('ok: a line that is another by now is told of once in each tab');
  await tabs[0].context().close();
}

/** Tabs that are loaded again in the midst, and go on from where they had come to. */
async function reloaded(browser) {
  const { way, server } = await reached('reloaded');
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  const first = await open(browser, way.origin, { lax: true });
  const tabs = [first, await openTab(first.context())];
  const begin = async (tab, after) => {
    await goBare(tab);
    if (tab === first && after !== undefined) await enter(tab, 'alice');
    else assert.equal(await resume(tab), 'alice');
    await tab.evaluate((after) => {
      // What it tells outlives the page.
      client.on('message.created', ({ data }) => sessionStorage.setItem('all', `${sessionStorage.getItem('all') ?? ''}${data.text}\n`));
      client.start({ after });
    }, after);
  };
  for (const tab of tabs) await begin(tab, 0);
  const all = (tab) => tab.evaluate(() => (sessionStorage.getItem('all') ?? '').split('\n').slice(0, -1));
  const saying = say(60);
  for (let turn = 1; turn <= 6; turn += 1) {
    await until('some to be said', () => sent.length >= turn * 8);
    await begin(tabs[turn % 2]);
  }
  await saying;
  // One that was elsewhere goes on from where it had come to itself, and not from where another has.
  await tabs[1].goto('about:blank');
  await say(5);
  const noted = () => first.evaluate(() => Number(Object.entries(localStorage).find(([name]) => name.endsWith(':cursor'))[1]) >= client.position);
  await until('all of it', async () => (await all(first)).length >= sent.length);
  await until('it to be noted', noted);
  await begin(tabs[1]);
  for (const tab of tabs) {
    await until('all of it', async () => (await all(tab)).length >= sent.length).catch(() => {});
    assert.deepEqual(await all(tab), sent);
  }
  console.log('ok: tabs that are loaded again go on from where they had come to');
  await first.context().close();
}

/** A page that may not lock anything. */
async function withoutLocks(browser) {
  const { way, server } = await reached('without-locks');
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  const tab = await open(browser, way.origin, { lax: true });
  await tab.addInitScript(() => {
    LockManager.prototype.request = () => Promise.reject(new DOMException('Not in a sandbox.', 'SecurityError'));
  });
  await goBare(tab);
  await enter(tab, 'alice');
  await tab.evaluate(() => client.start());
  await isLive(tab);
  await say(2);
  await heard(tab, sent, 'without locks');
  assert.equal(await tab.evaluate(() => client.send({ to: ['bob'], text: 'sent' }).sent.then(({ text }) => text)), 'sent');
  await tab.evaluate(() => client.stop());
  await until('no connection', () => way.streams.size === 0);
  console.log('ok: a page that gets no locks');
  await tab.context().close();
}

/** Over plain HTTP from another machine there are no locks at all, and six connections beside sockets. */
async function plainly(browser) {
  const [address] = Object.values(os.networkInterfaces()).flat().filter(({ family, internal }) => family === 'IPv4' && !internal);
  if (!address) {
    console.log('left out: this machine has no address in a network, for pages that did not come over TLS');
    return;
  }
  const server = new Server('plainly');
  server.address = `${address.address}:0`;
  await server.start();
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  const tabs = [await open(browser, server.origin, { lax: true })];
  while (tabs.length < 8) tabs.push(await openTab(tabs[0].context()));
  for (const tab of tabs) {
    await goBare(tab);
    if (tab === tabs[0]) await enter(tab, 'alice');
    else assert.equal(await resume(tab), 'alice');
    assert.equal(await tab.evaluate(() => isSecureContext || 'locks' in navigator), false);
    await tab.evaluate(() => client.start());
    await isLive(tab);
  }
  await say(5);
  for (const tab of tabs) await heard(tab, sent, 'over plain HTTP');
  assert.equal(await tabs[7].evaluate(() => client.send({ to: ['bob'], text: 'sent' }).sent.then(({ text }) => text)), 'sent');
  console.log('ok: eight tabs over plain HTTP from elsewhere keep nobody out');
  await tabs[0].context().close();
}

run(async () => {
  const browser = await launch();
  await Promise.all([connection, asleep, channels, overtaken, restored, reloaded, withoutLocks, plainly].map((test) => test(browser)));
});
