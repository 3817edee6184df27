// @ts-check
/** `/search`: messages by their words, and by where, by whom and when they were said. The address keeps what is looked for. */

import { fill, h } from '../dom.js';
import { explain } from '../explain.js';
import { model } from '../model.js';
import { cards } from '../parts/cards.js';
import { empty } from '../parts/empty.js';
import { field } from '../parts/form.js';
import { icon } from '../parts/icons.js';
import { personField } from '../parts/person.js';
import { CHATS, page } from '../shell.js';

/** How long nothing is typed before it is looked for, in milliseconds. */
const TYPED = 300;
/** The server takes 200 characters, with a star at each word. */
const LONGEST = 130;

/** Asks for words that begin as those typed do, but where quotation marks ask for them as they stand. @param {string} typed */
export function beginnings(typed) {
  const pieces = typed.split('"').map((piece, index) => (index % 2 ? piece : piece.replace(/[\p{L}\p{N}](?=\s|$)/gu, '$&*')));
  return pieces.join('"');
}

/** @type {import('../router.js').Opener} */
export function open({ query }) {
  const wanted = {
    text: query.get('text') ?? '', in: query.get('in') ?? '', by: query.get('by') ?? '', from: query.get('from') ?? '', to: query.get('to') ?? '',
  };
  const words = /** @type {HTMLInputElement} */ (h('input', { type: 'search', name: 'text', 'aria-label': 'Words', placeholder: 'Words, or how they begin', value: wanted.text, maxlength: LONGEST, enterkeyhint: 'search', oninput: () => lookSoon() }));
  /** @type {[string, string][]} */
  const places = model.conversations().map((one) => [String(one.id), `${one.kind === 'channel' ? '#' : ''}${model.title(one)}`]);
  const where = field({ name: 'in', label: 'In', type: 'select', value: wanted.in, options: [['', 'All conversations'], ...places] });
  const by = personField({ name: 'by', label: 'By', required: false, value: wanted.by });
  const from = field({ name: 'from', label: 'From', value: wanted.from, required: false });
  const to = field({ name: 'to', label: 'Until', value: wanted.to, required: false });
  from.input.setAttribute('type', 'date');
  to.input.setAttribute('type', 'date');
  const results = h('div.search-results', { role: 'region', 'aria-label': 'Results' });
  /** @type {Awaited<ReturnType<typeof cards>> | null} */
  let found = null;
  let turn = 0;

  const look = async () => {
    clearTimeout(typing);
    const mine = (turn += 1);
    const now = { text: words.value.trim(), in: where.input.value, by: by.value(), from: from.input.value, to: to.input.value };
    const kept = new URLSearchParams(Object.entries(now).filter(([, value]) => value));
    history.replaceState(history.state, '', kept.size ? `/search?${kept}` : '/search');
    if (!kept.size) {
      found?.close();
      found = null;
      fill(results, [empty({ icon: 'search', title: 'What are you looking for?', text: 'All the words must be there, in any order, in any case, with or without accents. The beginning of a word is enough; "words in quotation marks" are looked for as they stand.' })]);
      return;
    }
    try {
      const next = await cards({
        path: 'messages',
        query: {
          text: beginnings(now.text) || undefined, conversation_id: now.in || undefined, sender: now.by || undefined,
          since: now.from ? new Date(`${now.from}T00:00:00`).toISOString() : undefined, until: now.to ? dayAfter(now.to) : undefined,
        },
        accepts: () => false,
        label: 'Results',
        none: empty({ icon: 'search', title: 'Nothing was found', text: 'Try fewer words, or less of them: the beginning of each is enough.' }),
        quiet: true,
      });
      if (mine !== turn) {
        next.close();
        return;
      }
      found?.close();
      found = next;
      const many = next.history.messages.length;
      fill(said, [many === 0 ? 'Nothing was found' : next.history.begun ? `${many} found` : `More than ${many} found`]);
      fill(results, [next.node]);
      next.history.messages.length && next.node.querySelector('.scroller')?.scrollTo(0, 0);
    } catch (error) {
      if (mine === turn) fill(results, [empty({ icon: 'warning', title: 'This cannot be looked for.', text: explain(error) })]);
    }
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const lookSoon = () => {
    clearTimeout(typing);
    typing = setTimeout(look, TYPED);
  };
  const said = h('p.heard', { role: 'status' });
  const narrowed = Boolean(wanted.in || wanted.by || wanted.from || wanted.to);
  const form = h(
    'form.search-form',
    { role: 'search', onsubmit: (/** @type {Event} */ submit) => { submit.preventDefault(); void look(); }, onchange: () => void look() },
    h('div.search-words', null, words, h('button.primary', { type: 'submit', 'aria-label': 'Search' }, icon('search'))),
    h('details', { open: narrowed }, h('summary', null, 'Where, by whom, when'), h('div.search-more', null, where.node, by.node, from.node, to.node)),
    said,
  );
  void look();
  return {
    title: 'Search',
    node: page('Search', [form, results], { up: CHATS }),
    focus: () => words.focus(),
    close: () => {
      clearTimeout(typing);
      turn += 1;
      found?.close();
    },
  };
}

/** @param {string} day */
function dayAfter(day) {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + 1);
  return date.toISOString();
}
