// Runs the README's browser code in Chromium while the server is killed, restarted, and put back to an older copy.
//
//   node tests/browser/restarts.js path/to/goldcrest
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH). The page comes from
// another origin than the server's. It ends with 0 if the page showed every message exactly once, in order.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { chromium } = require('playwright-core');

const PATIENCE = 60_000;
const PROGRAM = path.resolve(process.argv[2] ?? 'target/debug/goldcrest');
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'goldcrest-browser-'));
const data = path.join(home, 'data');

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

const undo = [() => fs.rmSync(home, { recursive: true, force: true })];

/** The server, always at the same address once it has one. */
const server = {
  address: '127.0.0.1:0',
  origin: null,
  process: null,

  async start() {
    const options = ['--listen', this.address, '--data-dir', data, '--allow-origins', this.origin];
    options.push('--rate-limits', 'off', '--log-level', 'warn');
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('GOLDCREST_'));
    this.process = spawn(PROGRAM, options, {
      env: Object.fromEntries(environment),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise((resolve, reject) => {
      this.process.stdout.once('data', (bytes) => resolve(String(bytes)));
      this.process.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      this.process.once('error', reject);
    });
    this.address = line.match(/http:\/\/(\S+)/)[1];
  },

  async end(signal) {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill(signal);
    await ended;
    this.process = null;
  },

  async call(method, route, token, body) {
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
    const url = `http://${this.address}/api/v1/${route}`;
    const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    assert(answer.ok, `${method} ${route}: ${answer.status}`);
    return answer.status === 204 ? null : answer.json();
  },

  register(username, password) {
    return this.call('POST', 'users', null, { username, password });
  },
};

/** A server of pages from somewhere else. */
async function servePage() {
  const pages = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(page.replace(shownServer, `const server = 'http://${server.address}';`));
  });
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
  undo.push(() => pages.close());
  return `http://127.0.0.1:${pages.address().port}`;
}

async function main() {
  server.origin = await servePage();
  undo.push(() => server.process?.kill('SIGKILL'));
  await server.start();
  await server.register('alice', 'correct horse');
  let bob = (await server.register('bob', 'battery staple')).access_token;

  let sent = [];
  const say = async (count) => {
    for (let number = 0; number < count; number += 1) {
      const text = `message ${sent.length + 1}`;
      await server.call('POST', 'messages', bob, { to: ['alice'], text });
      sent.push(`bob: ${text}`);
    }
  };

  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath, args: flags });
  undo.push(() => browser.close());
  const tab = await browser.newPage();
  const errors = [];
  tab.on('pageerror', (error) => errors.push(error));
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
    const until = Date.now() + PATIENCE;
    while (JSON.stringify(await tab.evaluate(shown)) !== JSON.stringify(sent) && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.deepEqual(await tab.evaluate(shown), sent, `${what}: ${JSON.stringify(await heard())}`);
    console.log(`ok: ${what}: ${sent.length} messages; ${JSON.stringify(await heard())}`);
  };
  const hears = (name, count) =>
    tab.waitForFunction(([name, count]) => heard[name] >= count, [name, count], { timeout: PATIENCE, polling: 50 });

  await say(3);
  await tab.goto(server.origin);
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
  fs.cpSync(data, path.join(home, 'copy'), { recursive: true });
  await server.start();
  await say(3);
  await shows('a server that was stopped and restarted');
  assert((await heard()).bye >= 1, 'it said bye');

  const mine = await server.call('POST', 'sessions', null, { username: 'alice', password: 'correct horse' });
  const sessions = await server.call('GET', 'sessions', mine.access_token);
  for (const session of sessions.items.filter((session) => !session.current)) {
    await server.call('DELETE', `sessions/${session.id}`, mine.access_token);
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
  fs.rmSync(data, { recursive: true });
  fs.renameSync(path.join(home, 'copy'), data);
  sent = sent.slice(0, 10);
  await server.start();
  bob = (await server.call('POST', 'sessions', null, { username: 'bob', password: 'battery staple' })).access_token;
  await logIn('correct horse');
  await hears('reset', 1);
  await say(3);
  await shows('an older copy of the data: a ticket that is refused for good, a cursor beyond the end, fresh lists');
  assert((await heard()).closed >= 1, 'a ticket of a session that the copy does not know closes the stream');
  assert(warnings.some((warning) => warning.includes('no ticket: 401')), `trouble is told: ${warnings}`);
  assert.deepEqual(errors, [], 'the page has no errors');
}

main()
  .then(() => 0, (error) => { console.error(error); return 1; })
  .then(async (code) => {
    for (const step of undo.reverse()) await step();
    process.exit(code);
  });
