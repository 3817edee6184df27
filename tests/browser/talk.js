// Two people talk in the web app while the server is killed, restarted, and put back to an older copy between them.
//
//   node tests/browser/talk.js path/to/goldcrest
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH). It ends with 0 if both
// pages show every message exactly once, in order.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { chromium } = require('playwright-core');

const PATIENCE = 60_000;
const PASSWORD = 'correct horse';
const PROGRAM = path.resolve(process.argv[2] ?? 'target/debug/goldcrest');
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'goldcrest-talk-'));
const undo = [() => fs.rmSync(home, { recursive: true, force: true })];

/** The server, always at the same address once it has one. */
const server = {
  address: '127.0.0.1:0',
  process: null,

  async start() {
    const options = ['--listen', this.address, '--data-dir', path.join(home, 'data'), '--rate-limits', 'off', '--log-level', 'warn'];
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('GOLDCREST_'));
    this.process = spawn(PROGRAM, options, { env: Object.fromEntries(environment), stdio: ['ignore', 'pipe', 'inherit'] });
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

  async register(username) {
    const body = JSON.stringify({ username, password: PASSWORD });
    const answer = await fetch(`http://${this.address}/api/v1/users`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    assert(answer.ok, `${username}: ${answer.status}`);
  },
};

/** All that a conversation shows, what is on its way included. */
const shown = () => [...document.querySelectorAll('.conversation-page .message .text')].map((one) => one.textContent);

async function main() {
  undo.push(() => server.process?.kill('SIGKILL'));
  await server.start();
  await server.register('alice');
  await server.register('bob');

  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath, args: flags });
  undo.push(() => browser.close());
  const errors = [];

  const enter = async (username, viewport) => {
    const context = await browser.newContext({ viewport });
    const tab = await context.newPage();
    tab.setDefaultTimeout(PATIENCE);
    tab.on('pageerror', (error) => errors.push(error));
    tab.on('dialog', (dialog) => errors.push(new Error(`a text opened a dialog: ${dialog.message()}`)));
    await tab.goto(`http://${server.address}/login`);
    await tab.fill('[name=username]', username);
    await tab.fill('[name=password]', PASSWORD);
    await tab.click('button[type=submit]');
    await tab.waitForSelector('.shell');
    return tab;
  };
  const alice = await enter('alice', { width: 1280, height: 800 });
  const bob = await enter('bob', { width: 390, height: 844 });

  const sent = [];
  const write = async (tab, text) => {
    await tab.fill('.compose-text', text);
    await tab.press('.compose-text', 'Enter');
    sent.push(text);
  };
  const show = async (what) => {
    for (const [name, tab] of Object.entries({ alice, bob })) {
      const until = Date.now() + PATIENCE;
      const same = async () => JSON.stringify(await tab.evaluate(shown)) === JSON.stringify(sent) && (await tab.locator('.pending').count()) === 0;
      while (!(await same()) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(await tab.evaluate(shown), sent, `${what}: what ${name} sees`);
      assert.equal(await tab.locator('.pending').count(), 0, `${what}: nothing of ${name} waits`);
    }
    console.log(`ok: ${what}: ${sent.length} messages`);
  };

  await alice.goto(`http://${server.address}/new`);
  await write(alice, '@bob hello');
  sent[0] = 'hello';
  await alice.waitForURL('**/conversations/*');
  await bob.goto(`http://${server.address}/conversations`);
  await bob.click('.conversation');
  await show('a leading row of names');

  await write(bob, 'hello yourself');
  await show('what is sent is heard by the other');
  await write(alice, '<script>alert(1)</script><img src=x onerror=alert(2)> & `code`');
  sent[2] = sent[2].replaceAll('`', '');
  await show('markup is text');
  assert.equal(await bob.locator('.text img, .text script').count(), 0);
  assert.equal(await bob.locator('.text code').textContent(), 'code');

  await server.end('SIGKILL');
  for (let number = 1; number <= 3; number += 1) await write(alice, `written while the server was away, ${number}`);
  assert.equal(await alice.locator('.pending').count(), 3, 'what waits is shown');
  await server.start();
  await show('a server that was killed, and messages written meanwhile');

  // In the middle of sending.
  for (let number = 1; number <= 10; number += 1) {
    await write(alice, `one after the other, ${number}`);
    if (number === 5) await server.end('SIGKILL');
  }
  await server.start();
  await show('a server that was killed while messages were sent');
  await write(bob, 'and back');
  await show('what is sent after that');

  await alice.press('.compose-text', 'ArrowUp');
  await alice.fill('.compose-text', 'edited');
  await alice.press('.compose-text', 'Enter');
  sent[sent.length - 2] = 'edited (edited)';
  await show('what is edited');

  const reply = bob.locator('.message', { hasText: 'edited' });
  await reply.focus();
  await bob.keyboard.press('r');
  await write(bob, 'a reply');
  await show('a reply');
  await alice.click('.message:last-child .reply-to');
  await alice.waitForSelector('.thread-root');
  assert.deepEqual(await alice.evaluate(() => [...document.querySelectorAll('.window .text')].map((one) => one.textContent)), ['a reply'], 'the thread');
  await alice.goBack();

  await bob.locator('.message', { hasText: 'a reply' }).focus();
  await bob.keyboard.press('Delete');
  await bob.click('dialog .danger');
  sent[sent.length - 1] = 'This message was deleted.';
  await show('what is deleted');

  await alice.reload();
  await bob.reload();
  await show('pages that are loaded again');

  await server.end('SIGTERM');
  fs.cpSync(path.join(home, 'data'), path.join(home, 'copy'), { recursive: true });
  await server.start();
  const before = [...sent];
  for (let number = 1; number <= 10; number += 1) await write(number % 2 ? alice : bob, `soon forgotten, ${number}`);
  sent.splice(0, sent.length, ...before);
  await alice.waitForFunction((count) => document.querySelectorAll('.message:not(.pending)').length === count, before.length + 10);
  await bob.waitForFunction((count) => document.querySelectorAll('.message:not(.pending)').length === count, before.length + 10);
  await server.end('SIGKILL');
  fs.rmSync(path.join(home, 'data'), { recursive: true });
  fs.renameSync(path.join(home, 'copy'), path.join(home, 'data'));
  await server.start();
  await show('an older copy of the data: the pages begin anew');
  await write(alice, 'onward');
  await show('what is sent after that');
  assert.deepEqual(errors, [], 'the pages have no errors');
}

main()
  .then(() => 0, (error) => { console.error(error); return 1; })
  .then(async (code) => {
    for (const step of undo.reverse()) await step();
    process.exit(code);
  });
