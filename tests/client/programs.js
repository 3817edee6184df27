// Programs that are written with the JavaScript client, in Node.js alone.
//
//   node tests/client/programs.js path/to/goldcrest
//
// It ends with 0 if docs/client.md tells of every name, its program does what it says, and programs lose nothing.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { PASSWORD, Server, afterwards, home, passes, run, until } = require('../browser/support');
const { SHOWN, blocks, load, page, source } = require('./shown');

/** Every name that there is stands on the page. */
async function names() {
  const { Goldcrest, ...others } = await load();
  const told = (name) => assert(new RegExp(`\`([a-z]+\\.)?${name}\\b`).test(page), `docs/client.md should tell of ${name}`);
  Object.keys(others).forEach(told);
  Object.getOwnPropertyNames(Goldcrest.prototype).filter((name) => name !== 'constructor').forEach(told);
  for (const type of ['Heard', 'Options']) {
    const [, comment] = source.match(new RegExp(`@typedef \\{object\\} ${type}\\n([^]*?)\\*/`));
    for (const [, name] of comment.matchAll(/@property \{.*?\} \[?(\w+)\]? /gs)) told(name);
  }
  const [, states] = source.match(/@typedef \{\{ name: (.*?), transport: Transport/);
  for (const [, name] of states.matchAll(/'(\w+)'/g)) told(name);
  console.log('ok: the page tells of every name');
}

/** The program. */
async function node() {
  const server = await Server.started('node');
  await server.register('alice');
  // As in the README's tour.
  await server.register('bob', 'battery staple');
  fs.mkdirSync(path.join(home, 'talk'));
  const file = path.join(home, 'talk/talk.mjs');
  fs.writeFileSync(file, blocks('js').at(-1).replaceAll(SHOWN, server.origin));
  // As it is got there.
  fs.writeFileSync(path.join(home, 'talk/goldcrest.mjs'), await (await fetch(`${server.origin}/goldcrest.js`)).text());
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  afterwards(() => child.kill());
  let said = '';
  child.stdout.on('data', (bytes) => { said += bytes; });
  const code = await Promise.race([
    new Promise((resolve) => child.once('exit', resolve)),
    until('the program to end by itself', () => child.exitCode !== null, 20_000),
  ]);
  assert.equal(said, 'bob: hello from a program\n');
  assert(code === 0 || child.exitCode === 0, `it ended with ${code}`);
  console.log('ok: the program in Node.js ends by itself');
}

/** A program that listens while the server comes and goes, with tokens that last for seconds. */
async function listening() {
  const { Goldcrest } = await load();
  const server = await Server.started('listening', '--access-token-lifetime', '3s');
  await server.register('alice');
  const bob = new Goldcrest({ server: server.origin });
  await bob.register({ username: 'bob', password: PASSWORD });
  const sent = [];
  const say = (count) => Promise.all(Array.from({ length: count }, () => {
    sent.push(`message ${sent.length + 1}`);
    return bob.send({ to: ['alice'], text: sent.at(-1) }).sent;
  }));
  let tokens = null;
  const keep = { load: () => tokens, save: (fresh) => { tokens = fresh; } };
  const all = await Promise.all(['sse', 'poll', 'auto'].map(async (transport) => {
    const client = new Goldcrest({ server: server.origin, transport, ...(transport === 'auto' && { keep }) });
    const texts = [];
    client.on('message.created', ({ data }) => texts.push(data.text));
    await client.login({ username: 'alice', password: PASSWORD });
    client.start();
    await until('it to be live', () => client.state.name === 'live');
    return { client, texts };
  }));
  await say(5);
  await server.end('SIGKILL');
  const waiting = say(5);
  await passes(4, 'the server is away, and tokens run out');
  await server.start();
  await waiting;
  await say(5);
  for (const { client, texts } of all) {
    await until('all of it', () => texts.length >= sent.length).catch(() => {});
    assert.deepEqual(texts, sent, client.state.transport);
  }
  // It begins again where it had come to, as a program with a storage does.
  const { client, texts } = all.at(-1);
  client.stop();
  await say(2);
  client.start();
  await until('what came meanwhile', () => texts.length >= sent.length);
  assert.deepEqual(texts, sent);
  client.close();
  const later = new Goldcrest({ server: server.origin, keep });
  assert.equal((await later.resume())?.username, 'alice', 'kept tokens are good for the next start');
  await later.logout();
  assert.equal(tokens, null);
  assert.throws(() => new Goldcrest({ server: server.origin, transport: 'websocket' }), typeof WebSocket === 'function' ? undefined : TypeError);
  for (const one of [bob, ...all.map((each) => each.client), later]) one.close();
  console.log(`ok: ${sent.length} messages in Node.js over Server-Sent Events and long-polling, and by kept tokens`);
}

run(async () => {
  await names();
  await Promise.all([node(), listening()]);
});
