// What the tests in a browser stand on: a server that comes and goes, people at its API, and windows on it.
//
// They need `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH).
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** How long anything that has to come may take, in milliseconds. */
const PATIENCE = 60_000;
const PASSWORD = 'correct horse';
const PROGRAM = path.resolve(process.argv[2] ?? 'target/debug/goldcrest');

/** A directory that is gone when the test is over. */
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'goldcrest-browser-'));
const undo = [() => fs.rmSync(home, { recursive: true, force: true })];

/** Does this when the test is over, the last first. */
const afterwards = (step) => void undo.push(step);

/** What went wrong in any window. */
const troubles = [];

/** What the options say, and nothing that stands in the environment by chance. */
const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GOLDCREST_')));

/** Waits for a condition; what it was last is what is complained of. */
async function until(what, condition, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const holds = await condition();
    if (holds) return holds;
    assert(Date.now() < end, `waited ${patience / 1000} s for this: ${what}`);
    await passes(0.05, 'it is asked again');
  }
}

/**
 * Lets time pass, in seconds, where nothing else shows it: something is away or is used for so long, or nothing may come of what was
 * done, within the time in which it would. `why` says which.
 */
function passes(seconds, why) {
  assert(why, 'whoever lets time pass says why');
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

/** A server with data of its own, always at the same address once it has one. */
class Server {
  address = '127.0.0.1:0';
  process = null;
  #options;

  constructor(name = 'data', ...options) {
    this.data = path.join(home, name);
    this.#options = options;
    afterwards(() => this.process?.kill('SIGKILL'));
  }

  /** One that runs. */
  static async started(...how) {
    const server = new Server(...how);
    await server.start();
    return server;
  }

  /** One with Alice and Bob, and their tokens. */
  static async ofTwo(...how) {
    const server = await Server.started(...how);
    return { server, alice: await server.register('alice'), bob: await server.register('bob') };
  }

  get origin() {
    return `http://${this.address}`;
  }

  async start() {
    const fixed = ['--listen', this.address, '--data-dir', this.data, '--rate-limits', 'off', '--log-level', 'error'];
    this.process = spawn(PROGRAM, [...fixed, ...this.#options], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise((resolve, reject) => {
      this.process.stdout.once('data', (bytes) => resolve(String(bytes)));
      this.process.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      this.process.once('error', reject);
    });
    this.address = line.match(/http:\/\/(\S+)/)[1];
  }

  async end(signal) {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill(signal);
    await ended;
    this.process = null;
  }

  /** Keeps the data as they are, for `restore`. The server must not run. */
  copy() {
    fs.cpSync(this.data, `${this.data}.copy`, { recursive: true });
  }

  /** Puts the data back to what they were at `copy`. The server must not run. */
  restore() {
    fs.rmSync(this.data, { recursive: true });
    fs.renameSync(`${this.data}.copy`, this.data);
  }

  /** Calls the API, as somebody who is not in a browser. */
  async call(method, route, token, body) {
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${this.origin}/api/v1/${route}`, { method, headers, body: body && JSON.stringify(body) });
    assert(answer.ok, `${method} ${route}: ${answer.status}`);
    return answer.status === 204 ? null : answer.json();
  }

  /** Sends a message as somebody. */
  send(token, message) {
    return this.call('POST', 'messages', token, message);
  }

  /** Makes an account. Returns its token. */
  async register(username, password = PASSWORD) {
    return (await this.call('POST', 'users', null, { username, password })).access_token;
  }

  /** Logs somebody in beside the windows. Returns a token. */
  async logIn(username, password = PASSWORD) {
    return (await this.call('POST', 'sessions', null, { username, password })).access_token;
  }

  /** Makes an administrator, as the operator does. */
  administrator(username) {
    const order = ['user', 'add', username, '--admin', '--password-stdin', '--data-dir', this.data];
    execFileSync(PROGRAM, order, { input: `${PASSWORD}\n`, env: environment() });
  }
}

/** A browser, in which windows are opened. */
async function launch() {
  const { chromium } = require('playwright-core');
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  // Pages that one comes back to are as they were left, as in any other browser.
  const ignoreDefaultArgs = ['--disable-back-forward-cache'];
  const browser = await chromium.launch({ executablePath, args: flags, ignoreDefaultArgs });
  afterwards(() => browser.close());
  return browser;
}

/** Another tab beside one that is open, with all that its browser remembers. */
async function openTab(context) {
  const tab = await context.newPage();
  tab.on('pageerror', (error) => troubles.push(`${tab.url()}: ${error.stack}`));
  tab.on('dialog', (dialog) => troubles.push(`${tab.url()}: a text opened a dialog: ${dialog.message()}`));
  tab.on('console', (message) => {
    // A refusal that is asked for is told of as an error too; what breaks the policy says so.
    if (/Content Security Policy|Trusted/.test(message.text())) troubles.push(`${tab.url()}: ${message.text()}`);
  });
  return tab;
}

/** A window of its own, with nothing remembered. */
async function open(browser, origin, { width = 1280, height = 800, touch = width < 760, look = 'light', lax = false } = {}) {
  const context = await browser.newContext({
    baseURL: origin, viewport: { width, height }, colorScheme: look, locale: 'en-GB', hasTouch: touch, bypassCSP: lax,
  });
  context.setDefaultTimeout(PATIENCE);
  return openTab(context);
}

/** Makes a client in a page that has nothing else, and notes what it tells. If it is to `keep` tokens, all tabs share them. */
async function make(options) {
  const { Goldcrest } = await import('/goldcrest.js');
  const told = { texts: [], resets: [], states: [], logouts: [], logins: [] };
  const keep = {
    load: () => JSON.parse(localStorage.getItem('tokens')),
    save: (tokens) => (tokens ? localStorage.setItem('tokens', JSON.stringify(tokens)) : localStorage.removeItem('tokens')),
  };
  const client = new Goldcrest({ ...options, ...(options.keep && { keep }) });
  client.on('message.created', ({ data }) => told.texts.push(data.text));
  client.on('reset', ({ reason }) => told.resets.push(reason));
  client.on('state', ({ name, transport }) => told.states.push(`${name} ${transport}`));
  client.on('logout', ({ reason }) => told.logouts.push(reason));
  client.on('login', ({ username }) => told.logins.push(username));
  Object.assign(globalThis, { told, client });
}

/** Messages from somebody to others, `message 1` and so on; `sent` are those that there are. */
function talker(server, token, to) {
  const sent = [];
  const say = async (count) => {
    for (let number = 0; number < count; number += 1) {
      const text = `message ${sent.length + 1}`;
      await server.call('POST', 'messages', token, { to, text });
      sent.push(text);
    }
  };
  return { sent, say };
}

/** Waits until the client in a bare page has told all these messages, and looks whether it told them once and in order. */
async function heard(tab, sent, what) {
  const texts = () => tab.evaluate(() => told.texts);
  // What it told instead says more than that it did not.
  await until(what, async () => (await texts()).length >= sent.length).catch(() => {});
  assert.deepEqual(await texts(), sent, `${what}: ${JSON.stringify(await tab.evaluate(() => told))}`);
}

/** Goes to a page of the server's with nothing on it but a client with these options, in a window that was opened `lax`. */
async function goBare(tab, options = {}) {
  await tab.goto('/robots.txt');
  await tab.evaluate(make, options);
}

/** Logs in and goes on with a session, in a bare page, where `isLive` waits until it listens. */
const enter = (tab, username) => tab.evaluate(([username, password]) => client.login({ username, password }), [username, PASSWORD]);
const resume = (tab) => tab.evaluate(() => client.resume().then((user) => user?.username ?? null));
const isLive = (tab) => tab.waitForFunction(() => client.state.name === 'live', null, { polling: 50 });

/**
 * Puts a tab to sleep: nothing runs in it. A browser announces that (`freeze`), unless the whole machine falls asleep. No
 * tab under test is ever hidden, and only hidden ones are frozen: the debugger holds it, with the announcements of a freeze.
 */
async function sleep(tab, { announced }) {
  const devtools = await tab.context().newCDPSession(tab);
  await devtools.send('Debugger.enable');
  const paused = new Promise((resolve) => devtools.once('Debugger.paused', resolve));
  const expression = `${announced ? "document.dispatchEvent(new Event('freeze'));" : ''} setTimeout(() => { debugger; }, 0)`;
  await devtools.send('Runtime.evaluate', { expression });
  await paused;
  return async () => {
    await devtools.send('Debugger.resume');
    await devtools.detach();
    if (announced) await tab.evaluate(() => void document.dispatchEvent(new Event('resume')));
  };
}

async function logIn(tab, username, password = PASSWORD) {
  await tab.goto('/login');
  await tab.fill('[name=username]', username);
  await tab.fill('[name=password]', password);
  await tab.click('[type=submit]');
  await tab.waitForSelector('.shell');
}

/** A window of somebody who has an account, at a page of the web app. */
async function visit(browser, server, username, address, size) {
  const tab = await open(browser, server.origin, size);
  await logIn(tab, username);
  await tab.goto(address);
  await tab.waitForSelector('.shell .page-head');
  return tab;
}

/** Waits until a page says this. */
const says = (tab, words) => tab.waitForFunction((words) => document.body.innerText.includes(words), words);

/** All that a conversation in the web app shows, what is on its way included. */
const shown = () => [...document.querySelectorAll('.conversation-page .message .text')].map((one) => one.textContent);

/** A conversation that several windows of the web app have open: `sent` is what each has to show. */
function conversation(windows) {
  const sent = [];
  const write = async (tab, text) => {
    await tab.fill('.compose-text', text);
    await tab.press('.compose-text', 'Enter');
    sent.push(text);
  };
  const show = async (what) => {
    for (const [name, tab] of Object.entries(windows)) {
      const same = async () => JSON.stringify(await tab.evaluate(shown)) === JSON.stringify(sent) && (await tab.locator('.pending').count()) === 0;
      // What it shows instead says more than that it did not.
      await until(what, same).catch(() => {});
      assert.deepEqual(await tab.evaluate(shown), sent, `${what}: what ${name} sees`);
      assert.equal(await tab.locator('.pending').count(), 0, `${what}: nothing of ${name} waits`);
    }
    console.log(`ok: ${what}: ${sent.length} messages`);
  };
  return { sent, write, show };
}

/** Takes one of the web app's own modules, as its page has it, and not another of the same text. */
const moduleOf = (tab, name) => tab.evaluateHandle((name) => import(String(new URL(name, document.querySelector('script[type=module]').src))), `./${name}`);

/** Runs a test, takes down what it put up, and ends the program: with 0 if all went well, in the windows too. */
async function run(test) {
  let code = 0;
  try {
    await test();
    assert.deepEqual(troubles, [], 'the pages have no errors');
  } catch (error) {
    console.error(error, ...troubles);
    code = 1;
  }
  for (const step of undo.reverse()) await step();
  process.exit(code);
}

module.exports = {
  PASSWORD, PATIENCE, Server, afterwards, conversation, enter, goBare, heard, home, isLive, launch, logIn, moduleOf, open, openTab, passes,
  resume, run, says, sleep, talker, troubles, until, visit,
};
