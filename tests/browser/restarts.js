// Runs the README's browser code in Chromium while the server is killed, restarted, and put back to an older copy.
//
//   node tests/browser/restarts.js path/to/goldcrest
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH). The page comes from
// another origin than the server's. It ends with 0 if the page showed every message exactly once, in order.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { PATIENCE, Server, afterwards, launch, open, run, until } = require('./support');

// What is shown is what is run, but for the addresses.
const readme = fs.readFileSync(path.join(__dirname, '../../README.md'), 'utf8');
const [, page] = readme.match(/```html\n([^]*?)```/);
const shownServer = "const server = 'http://127.0.0.1:8080';";
assert(page.includes(shownServer), 'the page names the server');
// The two commands beside it have to fit together, and to what the page says.
const [, origin] = readme.match(/^cargo run --release -- --allow-origins (\S+)$/m);
const [, address, port] = readme.match(/^python3 -m http\.server --bind (\S+) (\d+)$/m);
assert.equal(origin, `http://${address}:${port}`);

// Notes what happens to the streams, beside the code that is tested.
function observe() {
  window.heard = { ready: 0, expired: 0, reset: 0, bye: 0, closed: 0, tickets: 0 };
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url);
      for (const name of ['ready', 'expired', 'reset', 'bye']) {
        this.addEventListener(name, () => { heard[name] += 1; });
      }
      this.addEventListener('error', () => { if (this.readyState === EventSource.CLOSED) heard.closed += 1; });
    }
  };
  const { fetch } = window;
  window.fetch = (url, ...rest) => {
    if (String(url).endsWith('/stream-tickets')) heard.tickets += 1;
    return fetch(url, ...rest);
  };
}

/** What the page shows, without the number of the conversation. */
const shown = () => [...document.querySelectorAll('#messages li')].map((line) => line.textContent.replace(/^#\d+ /, ''));

/** A server of pages from somewhere else. */
async function servePage(where) {
  const pages = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(page.replace(shownServer, `const server = '${where()}';`));
  });
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
  afterwards(() => pages.close());
  return `http://127.0.0.1:${pages.address().port}`;
}

run(async () => {
  const elsewhere = await servePage(() => server.origin);
  const server = await Server.started('data', '--allow-origins', elsewhere);
  await server.register('alice');
  let bob = await server.register('bob', 'battery staple');

  let sent = [];
  const say = async (count) => {
    for (let number = 0; number < count; number += 1) {
      const text = `message ${sent.length + 1}`;
      await server.call('POST', 'messages', bob, { to: ['alice'], text });
      sent.push(`bob: ${text}`);
    }
  };

  const tab = await open(await launch(), elsewhere);
  const warnings = [];
  tab.on('console', (message) => { if (message.type() === 'warning') warnings.push(message.text()); });
  await tab.addInitScript(observe);

  const logIn = async (password) => {
    await tab.fill('#login [name=username]', 'alice', { timeout: PATIENCE });
    await tab.fill('#login [name=password]', password);
    await tab.click('#login button');
  };

  const heard = () => tab.evaluate(() => ({ ...heard }));
  const shows = async (what) => {
    const same = async () => JSON.stringify(await tab.evaluate(shown)) === JSON.stringify(sent);
    // What it shows instead says more than that it did not.
    await until(what, same).catch(() => {});
    assert.deepEqual(await tab.evaluate(shown), sent, `${what}: ${JSON.stringify(await heard())}`);
    console.log(`ok: ${what}: ${sent.length} messages; ${JSON.stringify(await heard())}`);
  };
  const hears = (name, count) =>
    tab.waitForFunction(([name, count]) => heard[name] >= count, [name, count], { timeout: PATIENCE, polling: 50 });

  await say(3);
  await tab.goto('/');
  await logIn('a wrong horse');
  await tab.waitForFunction(() => document.querySelector('#trouble').value.includes('wrong'), null, { timeout: PATIENCE });
  await logIn('correct horse');
  await hears('ready', 1);
  await say(3);
  await shows('a page that begins with a list and goes on with a stream');
  await tab.fill('#send [name=to]', 'bob');
  await tab.fill('#send [name=text]', 'thank you');
  await tab.click('#send button');
  sent.push('alice: thank you');
  await shows('what is sent from the page');
  const list = await server.call('GET', 'messages?limit=2', bob);
  await server.call('PATCH', `messages/${list.items[1].id}`, bob, { text: 'edited' });
  sent[sent.length - 2] = 'bob: edited';
  await shows('what is edited');
  await server.call('DELETE', `messages/${list.items[1].id}`, bob);
  sent.splice(-2, 1);
  await shows('what is deleted');
  await tab.fill('#send [name=to]', 'nobody');
  await tab.fill('#send [name=text]', 'are you there?');
  await tab.click('#send button');
  await tab.waitForFunction(() => document.querySelector('#trouble').value.includes('nobody'), null, { timeout: PATIENCE });
  assert(await tab.isVisible('#trouble'), 'what was not sent is told where it is seen');
  assert.equal(await tab.inputValue('#send [name=text]'), 'are you there?', 'and is still there to be sent');
  await tab.fill('#send [name=to]', 'bob');
  await tab.click('#send button');
  sent.push('alice: are you there?');
  await shows('what is sent to a name that was corrected');
  assert.equal(await tab.evaluate(() => document.querySelector('#trouble').value), '');

  await server.end('SIGKILL');
  await server.start();
  await say(3);
  await shows('a server that was killed and restarted');
  await hears('ready', 2);
  assert.equal((await heard()).tickets, 1, 'the browser came back by itself, with its first ticket');

  await server.end('SIGTERM');
  server.copy();
  await server.start();
  await say(3);
  await shows('a server that was stopped and restarted');
  assert((await heard()).bye >= 1, 'it said bye');

  const mine = await server.logIn('alice');
  const sessions = await server.call('GET', 'sessions', mine);
  for (const session of sessions.items.filter((session) => !session.current)) {
    await server.call('DELETE', `sessions/${session.id}`, mine);
  }
  await hears('expired', 1);
  await logIn('correct horse');
  await hears('ready', 4);
  await say(3);
  await shows('a session that ended, and a new ticket');

  // Far enough ahead of the copy, so that the page's cursor is beyond what it holds.
  await say(20);
  await shows('some more');
  await server.end('SIGKILL');
  server.restore();
  sent = sent.slice(0, 10);
  await server.start();
  bob = await server.logIn('bob', 'battery staple');
  await logIn('correct horse');
  await hears('reset', 1);
  await say(3);
  await shows('an older copy of the data: a ticket that is refused for good, a cursor beyond the end, fresh lists');
  assert((await heard()).closed >= 1, 'a ticket of a session that the copy does not know closes the stream');
  assert(warnings.some((warning) => warning.includes('no ticket: 401')), `trouble is told: ${warnings}`);
});
