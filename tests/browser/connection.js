// Two people talk in the web app while what is between them and the server comes and goes.
//
//   node tests/browser/connection.js path/to/goldcrest [seconds for which a server behind nginx is away]
//
// Beside what all tests here need, it needs `nginx`. It ends with 0 if both pages show every message exactly once, in order.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { Server, afterwards, conversation, home, launch, logIn, moduleOf, open, passes, run, says, sleep, until } = require('./support');

const AWAY = Number(process.argv[3] ?? 30);
/**
 * How soon after the server is back a page that somebody looks at has to be, in milliseconds: it pauses 15 s at the most between its
 * attempts, and the machine does other work beside.
 */
const SOON = 40_000;

/** Two people in windows of their own, in a conversation with each other. */
async function meet(browser, server, origin) {
  const first = await server.register('alice');
  await server.register('bob');
  const { conversation_id } = await server.call('POST', 'messages', first, { to: ['bob'], text: 'hello' });
  const windows = {};
  for (const name of ['alice', 'bob']) {
    windows[name] = await open(browser, origin);
    await logIn(windows[name], name);
    await windows[name].goto(`/conversations/${conversation_id}`);
  }
  const talk = conversation(windows);
  talk.sent.push('hello');
  await talk.show('two people in a conversation');
  return { ...windows, ...talk };
}

/** Whether the page says that there is no connection. */
const isCutOff = (tab) => tab.waitForFunction(() => /No connection|offline/i.test(document.body.innerText));

/** What two people write at a time has no order before the server gives it one. */
const isSent = (tab) => until('what was written to be there', async () => (await tab.locator('.pending').count()) === 0);

async function directly(browser) {
  const server = await Server.started('directly');
  const { alice, bob, write, show } = await meet(browser, server, server.origin);
  for (let number = 1; number <= 8; number += 1) {
    await write(number % 2 ? alice : bob, `in turns, ${number}`);
    await alice.waitForFunction((text) => document.body.innerText.includes(text), `in turns, ${number}`);
    await bob.waitForFunction((text) => document.body.innerText.includes(text), `in turns, ${number}`);
    if (number !== 4) continue;
    await server.end('SIGKILL');
    await server.start();
  }
  await show('a server that was killed while both talk');

  await alice.context().setOffline(true);
  await isCutOff(alice);
  await write(bob, 'you are not there');
  await write(alice, 'now I am not there');
  assert.equal(await alice.locator('.pending').count(), 1, 'what waits is shown');
  await alice.context().setOffline(false);
  await show('a network that was off');

  const wake = await sleep(alice, { announced: true });
  for (const text of ['do you sleep?', 'you do']) await write(bob, text);
  await isSent(bob);
  await wake();
  await write(alice, 'I did');
  await show('a page that was frozen');

  await alice.evaluate(() => { globalThis.isTheSame = true; });
  await alice.goto('about:blank');
  await write(bob, 'gone?');
  await alice.goBack({ waitUntil: 'commit' });
  await show(`a page that was left, and ${(await alice.evaluate(() => globalThis.isTheSame)) ? 'comes back as it was' : 'is loaded again'}`);
  await write(alice, 'back');
  await isSent(alice);
  await write(bob, 'good');
  await show('what is said after that');
}

/** nginx before a server, at an address that it is given, which goes to the server's once that is known. */
async function nginx(address, server) {
  const place = path.join(home, 'nginx');
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(path.join(place, 'nginx.conf'), `
    daemon off; master_process off; pid ${place}/pid; error_log /dev/null;
    events {}
    http {
      access_log off;
      client_body_temp_path ${place}/body; proxy_temp_path ${place}/proxy; fastcgi_temp_path ${place}/fastcgi;
      uwsgi_temp_path ${place}/uwsgi; scgi_temp_path ${place}/scgi;
      server {
        listen ${address};
        location / {
          proxy_pass ${server.origin};
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection upgrade;
        }
      }
    }`);
  // Debian has it where only root looks.
  const options = { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }, stdio: 'ignore' };
  const proxy = spawn('nginx', ['-p', place, '-c', 'nginx.conf'], options);
  afterwards(() => proxy.kill());
  proxy.on('error', () => {});
  await until('nginx to listen (from the package nginx-light)', async () => {
    const answer = await fetch(`http://${address}/healthz`).catch(() => null);
    return answer?.ok;
  });
}

/** A server behind nginx that is away for so long that many attempts to reach it fail, which nginx answers with 502. */
async function behindNginx(browser) {
  // Somebody else may be given it before nginx listens there, which is seldom.
  const probe = net.createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${probe.address().port}`;
  await new Promise((resolve) => probe.close(resolve));
  const server = await Server.started('nginx', '--public-url', `http://${address}`);
  await nginx(address, server);
  const { alice, bob, write, show } = await meet(browser, server, `http://${address}`);
  await server.end('SIGKILL');
  assert.equal((await fetch(`http://${address}/healthz`)).status, 502);
  await isCutOff(alice);
  await write(alice, 'while it was away');
  await passes(AWAY, 'the server is away');
  await server.start();
  const back = Date.now();
  await show(`a server behind nginx that was away for ${AWAY} seconds`);
  await write(bob, 'while it is back');
  await show('and goes on');
  assert(Date.now() - back < SOON, `it took ${(Date.now() - back) / 1_000} seconds until all was there`);
}

/** Sections that are opened for the first time while the server is away, also such whose code could not be fetched ahead. */
async function firstTime(browser) {
  const { server, bob } = await Server.ofTwo('first-time');
  await server.call('POST', 'conversations', bob, { kind: 'channel', name: 'News' });
  await server.send(bob, { to: ['alice'], text: 'good morning, @alice' });
  const enter = async (missing) => {
    const tab = await open(browser, server.origin);
    if (missing) await tab.route(`**/app/pages/${missing}`, (route) => route.abort());
    await logIn(tab, 'alice');
    // They are fetched one after the other, this one last.
    await tab.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/pages/admin.js')));
    await moduleOf(tab, 'pages/admin.js');
    return tab;
  };
  const [channels, mentions, unfetched] = [await enter(), await enter(), await enter('channels.js')];
  await server.end('SIGKILL');
  for (const tab of [channels, unfetched]) await tab.click('[data-path="/channels"]');
  await mentions.click('[data-path="/mentions"]');
  await says(channels, 'This could not be loaded.');
  assert.equal(await channels.innerText('h1'), 'Channels');
  for (const tab of [mentions, unfetched]) await says(tab, 'This page could not be shown.');
  for (const tab of [channels, mentions, unfetched]) await says(tab, 'The server cannot be reached.');
  await isCutOff(unfetched);
  await unfetched.unroute('**/app/pages/channels.js');
  await server.start();
  for (const tab of [channels, unfetched]) await says(tab, 'Open to everybody');
  await mentions.waitForSelector('.entry .mention');
  for (const tab of [channels, mentions, unfetched]) await tab.context().close();
  console.log('ok: sections that are opened first while the server is away');
}

run(async () => {
  const browser = await launch();
  await Promise.all([directly(browser), behindNginx(browser), firstTime(browser)]);
});
