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
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
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
  const browser = await chromium.launch({ executablePath, args: flags });
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
async function open(browser, origin, { width = 1280, height = 800, touch = width < 760, look = 'light' } = {}) {
  const context = await browser.newContext({
    baseURL: origin, viewport: { width, height }, colorScheme: look, locale: 'en-GB', hasTouch: touch,
  });
  context.setDefaultTimeout(PATIENCE);
  return openTab(context);
}

async function logIn(tab, username, password = PASSWORD) {
  await tab.goto('/login');
  await tab.fill('[name=username]', username);
  await tab.fill('[name=password]', password);
  await tab.click('[type=submit]');
  await tab.waitForSelector('.shell');
}

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

module.exports = { PASSWORD, PATIENCE, Server, afterwards, home, launch, logIn, open, openTab, run, troubles, until };
