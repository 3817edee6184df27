// The JavaScript client in Node.js, where answers come late, never, or when somebody else is logged in.
//
//   node tests/client/answers.js path/to/goldcrest
//
// It ends with 0 if nothing is done in the name of somebody else, and whoever waits for an answer is told the truth.
'use strict';

const assert = require('node:assert/strict');
const { PASSWORD, Server, run, until } = require('../browser/support');
const { load } = require('./shown');

/** An object like `localStorage`. */
const storageOn = (kept) => ({
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => void kept.set(name, value),
  removeItem: (name) => void kept.delete(name),
  key: (index) => [...kept.keys()][index] ?? null,
  get length() { return kept.size; },
});

/** What is asked for goes through `way`, which is told what it is, until all goes on as before. */
function through(way) {
  const { fetch } = globalThis;
  globalThis.fetch = (url, init) => way(`${init?.method ?? 'GET'} ${new URL(url).pathname.replace('/api/v1/', '')}`, () => fetch(url, init));
  return () => { globalThis.fetch = fetch; };
}

/** Something that is waited for until it is let. */
function gate() {
  const it = { held: 0 };
  const isOpen = new Promise((resolve) => { it.release = resolve; });
  it.pass = () => {
    it.held += 1;
    return isOpen;
  };
  return it;
}

/** One object that is one person after the other. */
async function oneAfterTheOther() {
  const { Goldcrest } = await load();
  const server = await Server.started('one-after-the-other');
  await server.register('alice');
  await server.register('bob');
  const client = new Goldcrest({ server: server.origin });
  const heard = [];
  client.on('logout', ({ reason }) => heard.push(reason));
  client.on('login', ({ username }) => heard.push(username));
  await client.login({ username: 'alice', password: PASSWORD });
  await client.login({ username: 'bob', password: PASSWORD });
  assert.deepEqual(heard, ['alice', 'another_user', 'bob']);
  assert.equal((await client.request('GET', 'me')).username, 'bob', 'the second login holds');

  // It goes on when it is let.
  const asking = gate();
  const plain = through(async (what, go) => {
    if (what === 'GET presence') await asking.pass();
    return go();
  });
  const late = client.request('GET', 'presence').then(() => 'answered', ({ status }) => status);
  await until('it to be asked', () => asking.held > 0);
  await client.logout();
  await client.login({ username: 'alice', password: PASSWORD });
  asking.release();
  assert.equal(await late, 401, 'what bob asked is not asked in the name of alice');
  assert.equal(client.user.username, 'alice');
  plain();
  client.close();
  console.log('ok: one person after the other, and answers that come late');
}

/** Two objects that share a session, as tabs do, and hear of each other while answers are on their way. */
async function twoTabs() {
  const { Goldcrest } = await load();
  const server = await Server.started('two-tabs');
  await server.register('alice');
  await server.register('bob');
  const kept = new Map();
  let tokens = null;
  const keep = { load: () => tokens, save: (fresh) => { tokens = fresh; } };
  const [one, other] = [0, 1].map(() => {
    const client = new Goldcrest({ server: server.origin, keep, storage: storageOn(kept), share: true });
    const heard = [];
    client.on('logout', ({ reason }) => heard.push(reason));
    client.on('login', ({ username }) => heard.push(username));
    return Object.assign(client, { heard });
  });
  const enter = (client, username) => client.login({ username, password: PASSWORD });
  const isBoth = (username) => until(`both to be ${username}`, () => [one, other].every(({ user }) => user?.username === username));
  const unsent = async (text) => {
    one.send({ to: ['bob'], text });
    await until('it to wait', () => one.outbox[0]?.state === 'waiting');
  };

  await enter(one, 'alice');
  await isBoth('alice');
  const alice = one.user.id;
  other.start();
  await until('it to be live', () => other.state.name === 'live');
  let gone = gate();
  let plain = through(async (what, go) => {
    if (what === 'POST messages') throw new TypeError('It does not get through.');
    const answer = await go();
    if (what === 'DELETE sessions/current') await gone.pass();
    return answer;
  });
  await unsent('a secret');
  let leaving = one.logout();
  await until('the other to hear of it first', () => one.user === null && other.user === null);
  gone.release();
  await leaving;
  assert.deepEqual(one.heard, ['alice', 'logged_out']);
  assert.deepEqual([...kept.keys()], [], 'nothing is left of a session that one ended, whoever heard of it first');
  plain();

  await enter(one, 'alice');
  await isBoth('alice');
  gone = gate();
  plain = through(async (what, go) => {
    if (what === 'POST messages') throw new TypeError('It does not get through.');
    if (what === 'DELETE sessions/current') await gone.pass();
    return go();
  });
  await unsent('another secret');
  leaving = one.logout();
  await until('it to be under way', () => gone.held > 0);
  await enter(other, 'bob');
  await isBoth('bob');
  await unsent('of mine');
  gone.release();
  await leaving;
  assert.deepEqual(one.heard.slice(2), ['alice', 'another_user', 'bob']);
  assert.equal(one.user?.username, 'bob', 'whoever came meanwhile stays');
  assert.notEqual(tokens, null);
  assert.deepEqual(one.outbox.map(({ message }) => message.text), ['of mine']);
  assert.deepEqual([...kept.keys()].filter((name) => name.includes(`:${alice}:`)), []);
  one.discard(one.outbox[0].client_id);
  plain();

  await enter(one, 'alice');
  await isBoth('alice');
  gone = gate();
  plain = through(async (what, go) => {
    if (what === 'GET me') await gone.pass();
    return go();
  });
  await enter(other, 'bob');
  await until('him to be taken up', () => gone.held > 0);
  await other.logout();
  gone.release();
  await until('it to be told that nobody came', () => one.heard.at(-1) === 'session_ended');
  assert.deepEqual([one.user, ...one.heard.slice(-2)], [null, 'another_user', 'session_ended']);
  plain();

  // The same person again, by another session.
  await enter(one, 'alice');
  const before = (await one.request('GET', 'sessions')).items.find(({ current }) => current).id;
  gone = gate();
  plain = through(async (what, go) => {
    if (what === 'POST messages') await gone.pass();
    return go();
  });
  const { sent } = one.send({ to: ['bob'], text: 'written before' });
  await until('it to be under way', () => gone.held > 0);
  await enter(one, 'alice');
  await one.request('DELETE', `sessions/${before}`);
  gone.release();
  assert.equal((await sent).text, 'written before', 'what the session before was refused with is sent in this one');
  plain();
  for (const client of [one, other]) client.close();
  console.log('ok: two tabs that hear of each other while answers are on their way');
}

/** A storage that is full for a while. */
async function full() {
  const { Goldcrest } = await load();
  const server = await Server.started('full');
  await server.register('alice');
  const kept = new Map();
  let isFull = false;
  const storage = storageOn(kept);
  storage.setItem = (name, value) => {
    if (isFull) throw new Error('It is full.');
    kept.set(name, value);
  };
  const client = new Goldcrest({ server: server.origin, storage });
  await client.login({ username: 'alice', password: PASSWORD });
  await server.end('SIGKILL');
  const { client_id } = client.send({ to: ['nobody-of-this-name'], text: 'hello' });
  await until('it to wait', () => client.outbox[0]?.state === 'waiting');
  isFull = true;
  client.retry(client_id);
  await until('it to wait again', () => client.outbox[0]?.state === 'waiting');
  assert.equal(client.outbox.length, 1);
  isFull = false;
  await server.start();
  let posted = 0;
  const plain = through((what, go) => {
    if (what.startsWith('POST ')) posted += 1;
    return go();
  });
  client.retry(client_id);
  await until('it to fail', () => client.outbox[0]?.state === 'failed');
  assert(posted <= 2, `${posted} attempts`);
  plain();
  client.discard(client_id);
  assert.deepEqual(client.outbox, []);
  client.close();
  console.log('ok: a storage that was full for a while');
}

/** A key that is not good says so. */
async function keys() {
  const { Goldcrest } = await load();
  const { server, alice } = await Server.ofTwo('keys');
  const made = await server.call('POST', 'keys', alice, { name: 'robot', scopes: ['read'] });
  const resume = (key) => {
    const client = new Goldcrest({ server: server.origin, key, storage: null });
    const heard = [];
    client.on('logout', ({ reason }) => heard.push(reason));
    return client.resume().then((user) => user?.username, ({ code, status }) => [code, status, heard]);
  };
  assert.equal(await resume(made.key), 'alice');
  await server.call('DELETE', `keys/${made.id}`, alice);
  assert.deepEqual(await resume(made.key), ['unauthorized', 401, []]);
  assert.deepEqual(await resume('gck_nonsense'), ['unauthorized', 401, []]);
  console.log('ok: a key that is revoked or wrong');
}

/** Whoever waits for what he sent is told what is known, also if the client is closed, and when the stream tells of it first. */
async function closing() {
  const { Goldcrest } = await load();
  const { server } = await Server.ofTwo('closing');
  const make = async () => {
    const client = new Goldcrest({ server: server.origin, storage: null });
    await client.login({ username: 'alice', password: PASSWORD });
    return client;
  };
  const client = await make();
  // The server has it, and its answer never comes.
  const back = through(async (what, go) => {
    if (what !== 'POST messages') return go();
    await go();
    return new Promise(() => {});
  });
  const there = async (text) => {
    const { items } = await client.request('GET', 'messages', { query: { limit: 100 } });
    return items.some((one) => one.text === text);
  };
  const lost = client.send({ to: ['bob'], text: 'unanswered' });
  const said = lost.sent.then(() => 'sent', ({ code, detail }) => [code, detail]);
  await until('it to be there', () => there('unanswered'));
  client.close();
  assert.deepEqual(await said, ['closed', 'Closed before the server had acknowledged it. It may be there.']);

  const other = await make();
  other.start();
  await until('it to listen', () => other.state.name === 'live');
  const { text, id } = await other.send({ to: ['bob'], text: 'heard of' }).sent;
  assert.equal(text, 'heard of');
  assert(Number.isInteger(id));
  assert.deepEqual(other.outbox, [], 'it waits no more');
  back();
  const ended = through((what, go) => (what === 'POST messages' ? new Promise(() => {}) : go()));
  const never = other.send({ to: ['bob'], text: 'never sent' }).sent.then(() => 'sent', ({ code, detail }) => [code, detail]);
  await other.logout();
  assert.deepEqual(await never, ['unauthorized', 'Logged out before the server had acknowledged it.']);
  ended();
  other.close();
  console.log('ok: whoever waits for what he sent is told the truth');
}

/** Where a session was kept that is over, a page that begins hears of it, once. */
async function overMeanwhile() {
  const { Goldcrest } = await load();
  const { server, alice } = await Server.ofTwo('over');
  let tokens = null;
  const make = () => {
    const client = new Goldcrest({ server: server.origin, storage: null, keep: { load: () => tokens, save: (kept) => { tokens = kept; } } });
    const heard = [];
    client.on('logout', ({ reason }) => heard.push(reason));
    return { client, heard };
  };
  const first = make();
  await first.client.login({ username: 'alice', password: PASSWORD });
  first.client.close();
  for (const { id, current } of (await server.call('GET', 'sessions', alice)).items) if (!current) await server.call('DELETE', `sessions/${id}`, alice);
  for (const expected of [['session_ended'], []]) {
    const { client, heard } = make();
    assert.equal(await client.resume(), null);
    assert.deepEqual(heard, expected);
    client.close();
  }
  console.log('ok: a session that ended while nobody was there');
}

run(async () => {
  await oneAfterTheOther();
  await twoTabs();
  await full();
  await keys();
  await closing();
  await overMeanwhile();
});
