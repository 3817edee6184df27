// Makes the pictures of the web app that the README shows: people talk, and one of them looks at it, in both looks.
//
//   node tests/browser/picture.js path/to/goldcrest [directory]
//
// It needs `chromium` in the path and the package playwright-core where `require` finds it (NODE_PATH). The pictures are
// `app-light.webp` and `app-dark.webp`, in `docs/` unless another directory is named.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { PASSWORD, Server, launch, run } = require('./support');

const SIZE = { width: 1280, height: 800 };
/** What the clock of the picture shows, and how long before that each message was sent, in minutes. */
const NOW = new Date('2026-05-20T14:38:00Z');
const AGES = [1700, 1640, 1560, 1500, 300, 280, 190, 188, 186, 120, 90, 64, 63, 60, 59, 41, 22, 21, 14, 13, 12, 9, 6, 2];

/** Everybody's messages, in their order. Returns where the picture is taken. */
async function talk(server) {
  const tokens = {};
  for (const name of ['anna', 'ben', 'Zoë', 'marek', 'priya', 'tomás']) tokens[name] = await server.register(name);
  const make = (who, body) => server.call('POST', 'conversations', tokens[who], body);
  const say = (who, body) => server.call('POST', 'messages', tokens[who], body);
  const news = await make('ben', { kind: 'channel', name: 'Announcements', post: 'owners' });
  const tools = await make('Zoë', { kind: 'channel', name: 'Tools to lend' });
  const group = await make('ben', { kind: 'group', name: 'Garden committee', members: ['anna', 'Zoë', 'marek', 'priya'] });
  for (const { id } of [news, tools]) await server.call('POST', `conversations/${id}/members`, tokens.anna, {});
  const here = (who, text, more = {}) => say(who, { conversation_id: group.id, text, ...more });
  await say('ben', { conversation_id: news.id, text: 'The water is off on Thursday from 8 to 11.' });
  await say('tomás', { to: ['anna'], text: 'Thank you for the seedlings!' });
  await say('anna', { to: ['anna'], text: 'String, two posts, the good scissors' });
  await say('Zoë', { conversation_id: tools.id, text: 'The chipper is back, sharpened.' });
  await here('ben', 'The open day is in three weeks, so let us settle who does what.');
  const list = await here('ben', 'Here is what is left to do:\n1. paint the shed\n2. mend the fence by the gate\n3. signs for the beds');
  await here('Zoë', 'I can paint, if somebody helps with the ladder.');
  await here('marek', 'I do. Saturday at ten?', { thread_id: list.id });
  await here('Zoë', 'Saturday at ten it is. @marek brings the brushes.', { thread_id: list.id });
  await say('marek', { to: ['anna'], text: 'Could you water bed 7 on Tuesday?' });
  await say('anna', { to: ['marek'], text: 'Will do.' });
  await here('anna', 'The fence needs two new posts: 18 each at the timber yard, ready on Wednesday.');
  await here('anna', 'I can fetch them with the trailer.');
  await here('priya', 'For the signs I made a small script. It prints them from the list of beds:');
  await here('priya', '```python\nfor bed in beds:\n    print(bed.number, bed.plant, bed.keeper)\n```');
  await say('ben', { to: ['anna', 'priya'], text: 'Shall the three of us meet about the cake table?' });
  await here('ben', '@anna shall I put the posts on the account? And have a look at https://garden.example/open-day before it goes to print.');
  const last = await here('anna', 'Yes, on the account. The page reads well; only the guided walk starts at `14:30`.');
  await here('Zoë', 'Corrected. I also added the cake table, so nobody can say there was none.');
  for (const name of ['ben', 'Zoë', 'priya']) await server.call('PUT', `conversations/${group.id}/read`, tokens[name], { message_id: last.id });
  const { items } = await server.call('GET', 'conversations', tokens.anna);
  for (const { id, last_message, kind } of items) {
    if ((kind !== 'direct' && id !== tools.id) || last_message.author.username === 'anna') await server.call('PUT', `conversations/${id}/read`, tokens.anna, { message_id: last_message.id });
  }
  return group.id;
}

/** Moments as if people had taken their time. */
function dated(value) {
  if (Array.isArray(value)) return value.map(dated);
  if (value === null || typeof value !== 'object') return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, dated(inner)]));
  if ('text' in copy && 'conversation_id' in copy) copy.created_at = new Date(NOW - (AGES[copy.id - 1] ?? 1) * 60_000).toISOString();
  return copy;
}

/** A window, in which it is that time. */
async function enter(browser, server, username, look) {
  const context = await browser.newContext({
    baseURL: server.origin, viewport: SIZE, colorScheme: look, locale: 'en-GB', timezoneId: 'UTC', deviceScaleFactor: 2,
  });
  const tab = await context.newPage();
  await tab.clock.setFixedTime(NOW);
  await tab.route('**/api/v1/{conversations,messages}**', async (route) => {
    if (route.request().method() !== 'GET') return route.continue();
    const response = await route.fetch();
    return route.fulfill({ response, json: dated(await response.json()) });
  });
  await tab.goto('/login');
  await tab.fill('[name=username]', username);
  await tab.fill('[name=password]', PASSWORD);
  await tab.click('[type=submit]');
  await tab.waitForSelector('.shell');
  return tab;
}

run(async () => {
  const folder = process.argv[3] ?? path.join(__dirname, '../../docs');
  const browser = await launch();
  const server = await Server.started();
  const group = await talk(server);
  // They are there, so that it is seen.
  for (const name of ['ben', 'Zoë', 'priya']) await enter(browser, server, name, 'light');
  for (const look of ['light', 'dark']) {
    const tab = await enter(browser, server, 'anna', look);
    await tab.goto(`/conversations/${group}`);
    await tab.waitForFunction(() => document.querySelectorAll('.details .online').length === 3 && document.body.innerText.includes('Read by'));
    await tab.mouse.move(1, 1);
    await tab.evaluate(() => { document.activeElement.blur(); getSelection().removeAllRanges(); });
    const devtools = await tab.context().newCDPSession(tab);
    const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 88 });
    const file = path.join(folder, `app-${look}.webp`);
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
    console.log(`ok: ${file}, ${Math.round(fs.statSync(file).size / 1024)} KiB`);
    await tab.context().close();
  }
});
