// The JavaScript client by itself, in Chromium: the examples in docs/client.md.
//
//   node tests/browser/client.js path/to/goldcrest
//
// It ends with 0 if every example there does what it says.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { SHOWN, blocks, page } = require('../client/shown');
const { PASSWORD, Server, afterwards, launch, open, run, talker, until } = require('./support');

/** What an example says that it prints. */
const promised = (code) => [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text);

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

run(async () => {
  const browser = await launch();
  await Promise.all([examples(browser), elsewhere(browser)]);
});
