// What docs/client.md shows of the JavaScript client, and the client as a program takes it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { home } = require('../browser/support');

const source = fs.readFileSync(path.join(__dirname, '../../static/goldcrest.js'), 'utf8');
const page = fs.readFileSync(path.join(__dirname, '../../docs/client.md'), 'utf8');
/** The server in the examples. */
const SHOWN = 'http://127.0.0.1:8080';
/** The examples in a language. */
const blocks = (language) => [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(([, code]) => code);

/** The client as a module of Node.js. */
function load() {
  const program = path.join(home, 'goldcrest.mjs');
  fs.writeFileSync(program, source);
  return import(pathToFileURL(program));
}

module.exports = { SHOWN, blocks, load, page, source };
