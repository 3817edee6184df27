// Validates an AsyncAPI document, with its examples by their schemas: `node tests/asyncapi/validate.js ADDRESS`.
'use strict';

const { Parser } = require('@asyncapi/parser');

/** Told of every document that is not of the newest version, which is no fault. */
const IGNORED = new Set(['asyncapi-latest-version']);

(async () => {
  const answer = await fetch(process.argv[2]);
  if (!answer.ok) throw new Error(`${process.argv[2]} answered ${answer.status}`);
  const { document, diagnostics } = await new Parser().parse(await answer.text());
  const wrong = diagnostics.filter(({ code }) => !IGNORED.has(code));
  for (const { code, path, message } of wrong) console.error(`${code}: ${path.join('/')}: ${message}`);
  const [messages, operations] = [document?.messages() ?? [], document?.operations() ?? []].map((all) => [...all].length);
  console.log(`${messages} messages, ${operations} operations, ${wrong.length} faults`);
  process.exitCode = wrong.length === 0 && messages > 0 ? 0 : 1;
})();
