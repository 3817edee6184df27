// The JavaScript client by itself: all that docs/client.md says of it, in Chromium and in Node.js.
//
//   node tests/browser/client.js path/to/goldcrest
//
// It ends with 0 if every example there does what it says, every name is told of, and programs lose nothing either.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { PASSWORD, Server, afterwards, home, launch, open, openTab, run, talker, until } = require('./support');

const source = fs.readFileSync(path.join(__dirname, '../../static/goldcrest.js'), 'utf8');
const page = fs.readFileSync(path.join(__dirname, '../../docs/client.md'), 'utf8');
const SHOWN = 'http://127.0.0.1:8080';
const blocks = (language) => [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(([, code]) => code);
const program = path.join(home, 'goldcrest.mjs');

/** What an example says that it prints. */
const promised = (code) => [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text);

/** Every name that there is stands on the page. */
async function names() {
  const { Goldcrest, ...others } = await import(pathToFileURL(program));
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

/** The examples that go on from each other, in a page of the server's own. */
async function examples(browser) {
  const server = await Server.started('examples');
  await server.register('alice');
  const bob = await server.register('bob');
  await server.call('POST', 'messages', bob, { to: ['alice'], text: 'are you there?' });
  const code = blocks('js').slice(0, -1).join('\n');
  const tab = await open(browser, server.origin, { lax: true });
  const said = [];
  tab.on('console', (message) => { if (message.type() === 'log') said.push(message.text()); });
  await tab.goto('/robots.txt');
  await tab.addScriptTag({ type: 'module', content: `${code}\nconsole.log('the end');` });
  await until('the examples to come to their end', () => said.includes('the end')).catch((error) => {
    throw new Error(`${error.message}; they said ${JSON.stringify(said)}`);
  });
  const expected = promised(code);
  assert(expected.length > 10);
  assert.deepEqual(said.filter((text) => expected.includes(text)), expected);
  for (const text of ['alice: hello', 'are you there?']) assert(said.includes(text), `${text}: ${said}`);
  console.log(`ok: ${blocks('js').length - 1} examples print what they say`);
}

/** The page from elsewhere. */
async function elsewhere(browser) {
  const [html] = blocks('html');
  const [, port] = page.match(/--allow-origins http:\/\/127\.0\.0\.1:(\d+)`/);
  assert.match(page, new RegExp(`http\\.server --bind\\s127\\.0\\.0\\.1 ${port}\``), 'the page comes from where the server lets it');
  assert.equal(port, '3000', 'as on the other pages');
  let server = null;
  const pages = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(html.replaceAll(SHOWN, server.origin));
  });
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
  afterwards(() => pages.close());
  const origin = `http://127.0.0.1:${pages.address().port}`;
  server = await Server.started('elsewhere', '--allow-origins', origin);
  await server.register('alice');
  const { sent, say } = talker(server, await server.register('bob'), ['alice']);
  await say(2);
  const tab = await open(browser, origin);
  await tab.goto('/');
  const enter = async (password) => {
    await tab.fill('#login [name=username]', 'alice');
    await tab.fill('#login [name=password]', password);
    await tab.click('#login button');
  };
  const shows = async (what, expected) => {
    const lines = () => tab.evaluate(() => [...document.querySelectorAll('#messages li')].map((one) => one.textContent));
    await until(what, async () => (await lines()).length >= expected.length).catch(() => {});
    assert.deepEqual(await lines(), expected, what);
  };
  const all = () => sent.map((text) => `bob: ${text}`);
  await enter('a wrong horse');
  await tab.waitForFunction(() => document.querySelector('#trouble').textContent.includes('wrong'));
  await enter(PASSWORD);
  await shows('a page that begins with a list', all());
  await say(2);
  await server.end('SIGKILL');
  await server.start();
  await say(2);
  await shows('a page from elsewhere, through a restart', all());
  await tab.fill('#send [name=to]', 'bob');
  await tab.fill('#send [name=text]', 'thank you');
  await tab.click('#send button');
  assert.equal(await tab.inputValue('#send [name=text]'), '', 'it is not sent again by chance');
  await shows('what is sent from elsewhere', [...all(), 'alice: thank you']);
  console.log('ok: the whole page, from another origin');
}

/** The program. */
async function node() {
  const server = await Server.started('node');
  await server.register('alice');
  // As in the README's tour.
  await server.register('bob', 'battery staple');
  const file = path.join(home, 'talk.mjs');
  fs.writeFileSync(file, blocks('js').at(-1).replaceAll(SHOWN, server.origin));
  // As it is got there.
  fs.writeFileSync(path.join(home, 'goldcrest.mjs'), await (await fetch(`${server.origin}/goldcrest.js`)).text());
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
  const { Goldcrest } = await import(pathToFileURL(program));
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
  await new Promise((resolve) => setTimeout(resolve, 4_000));
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
  fs.writeFileSync(program, source);
  await names();
  const browser = await launch();
  await Promise.all([examples(browser), elsewhere(browser), node(), listening()]);
});
