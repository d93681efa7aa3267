/*
 * Texts of strangers: descriptions, output, errors, names. They reach the page as text nodes only. What
 * a reader would not see, or would see in another order than it stands, is written out.
 */
import { element, setText, show } from './dom.js';

// ECMA-48: CSI sequences, OSC and other strings up to their terminator, two-character escapes.
const TERMINAL_CODES =
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]/g;
const LINE_ENDS = /\r+\n?/g;
// Controls, what turns the reading direction, what has no width; joiners are part of many scripts.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

function written(found) {
  const code = found.codePointAt(0);
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  if (code === 0x7f) {
    return '\u2421';
  }
  const hex = code.toString(16);
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

/** The text with its lines and tabs, without terminal codes, and with nothing hidden in it. */
export function visible(text) {
  return text.replace(TERMINAL_CODES, '').replace(LINE_ENDS, '\n').replace(UNSEEN, written);
}

/** The beginning of a text on one line. */
export function line(text, most = 300) {
  // Codes take room that is not seen; four times as much is enough of a text to look at.
  const seen = visible(text.slice(0, most * 4))
    .replace(/\s+/g, ' ')
    .trim();
  const cut = clip(seen, most);
  return cut.length < seen.length || text.length > most * 4 ? `${cut}\u2026` : cut;
}

/** The first characters of a text; never half a surrogate pair. */
export function clip(text, most) {
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most);
}

export function count(number) {
  return number.toLocaleString('en-US');
}

const FIRST = 4000;
const STEP = 50000;
const FIRST_LINES = 40;

/** A long text of which the beginning is drawn, and more of it whenever that is asked for. */
export class LongText {
  #given = '';
  #seen = '';
  #drawn = 0;
  #text = document.createTextNode('');
  #more = element('button', {
    type: 'button',
    class: 'more',
    onclick: () => this.#draw(this.#drawn + STEP),
  });

  constructor(name) {
    this.node = element(
      'div',
      { class: 'long' },
      element('pre', { class: 'text', dir: 'auto', 'aria-label': name, role: 'group' }, this.#text),
      this.#more,
    );
    show(this.#more, false);
  }

  set(text) {
    if (text === this.#given) {
      return;
    }
    this.#given = text;
    this.#seen = visible(text);
    this.#draw(beginning(this.#seen));
  }

  #draw(length) {
    const part = clip(this.#seen, length);
    this.#drawn = part.length;
    if (this.#text.data !== part) {
      this.#text.data = part;
    }
    const left = this.#seen.length - part.length;
    setText(this.#more, `Show ${count(Math.min(STEP, left))} of ${count(left)} more characters`);
    show(this.#more, left > 0);
  }
}

/** How much of a text is drawn at first: neither a long line nor a thousand short ones. */
function beginning(text) {
  let end = -1;
  for (let lines = 0; lines < FIRST_LINES; lines++) {
    end = text.indexOf('\n', end + 1);
    if (end < 0) {
      return FIRST;
    }
  }
  return Math.min(FIRST, end);
}
