/* What a workflow printed: a window on a file that may be long, and grow. */
import { element, setAttribute, setText, show } from './dom.js';
import { clip, count, visible } from './text.js';

const MOST_BYTES = 512 * 1024;
const MOST_LINES = 5000;
const EARLIER_BYTES = 64 * 1024;
const LINE = 2000;
const STEP = 20000;
const MERGED = 16 * 1024;
// A terminal code or a line end of which the rest may be in the next part.
const UNFINISHED = /(?:\r+|\u001b(?:\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b]{0,4000}|[ -/]*)?)$/;

/** The output of one attempt, read part by part. */
export class Output {
  #get;
  #path = '';
  #from = 0;
  #to = -1;
  #size = 0;
  #ended = false;
  #held = '';
  #parts = [];
  #follow = true;
  #loading = false;
  #state = element('p', { class: 'quiet' }, '');
  #earlier = element(
    'button',
    { type: 'button', onclick: () => this.#loadEarlier() },
    'Earlier output',
  );
  #switch = element('input', {
    type: 'checkbox',
    role: 'switch',
    onchange: () => this.#switched(),
  });
  #jump = element(
    'button',
    { type: 'button', class: 'jump', onclick: () => this.#toEnd() },
    'Jump to the end',
  );
  #text = element('pre', {
    class: 'output',
    tabindex: '0',
    role: 'region',
    onscroll: () => this.#scrolled(),
  });

  constructor(get) {
    this.#get = get;
    this.#switch.checked = true;
    this.heading = element('h2', {}, 'Output');
    this.node = element(
      'section',
      { class: 'card output-card' },
      element(
        'div',
        { class: 'card-head' },
        this.heading,
        element('label', { class: 'switch' }, this.#switch, 'Follow the end'),
      ),
      this.#state,
      element('div', { class: 'output-room' }, this.#earlier, this.#text, this.#jump),
    );
    show(this.#earlier, false);
    show(this.#jump, false);
    show(this.#text, false);
  }

  /** Shows the output of an attempt, which may be the one it shows already. */
  choose(issue, attempt) {
    const path = `/api/issues/${issue}/output?fence=${attempt.fence}`;
    if (path === this.#path) {
      return;
    }
    this.#path = path;
    this.#ended = false;
    this.#clear();
    setText(this.#state, 'Reading \u2026');
    setText(this.heading, `Output of attempt ${attempt.attempt}`);
    setAttribute(this.#text, 'aria-label', `Output of attempt ${attempt.attempt}`);
    this.#setFollow(true);
  }

  #clear() {
    this.#text.replaceChildren();
    this.#parts = [];
    this.#held = '';
    this.#from = 0;
    this.#to = -1;
    this.#size = 0;
  }

  /** Reads what is new; called again and again. */
  async refresh(get) {
    const full = !this.#follow && this.#to - this.#from > MOST_BYTES;
    if (this.#path === '' || this.#ended || full || this.#loading) {
      return;
    }
    const path = this.#path;
    const part = await get(`${path}&from=${this.#to}`);
    if (path !== this.#path) {
      return; // another attempt was chosen meanwhile
    }
    const first = this.#to < 0;
    if (part.available === 'none') {
      this.#ended = part.ended;
      setText(
        this.#state,
        part.ended ? 'Nothing was kept of its output.' : 'It has printed nothing yet.',
      );
      return;
    }
    this.#size = part.size;
    if (first) {
      this.#from = part.from;
    }
    this.#to = part.to;
    this.#append(part, part.ended && part.to >= part.size);
    this.#ended = part.ended && part.to >= part.size;
    this.#render(part);
  }

  #render(part) {
    const live = part.ended ? '' : ', live';
    const where =
      part.available === 'tail'
        ? 'The end that was kept in the database; the whole is on the host that ran it.'
        : `${size(this.#size)} in all${live}`;
    setText(this.#state, this.#size === 0 && part.ended ? 'It printed nothing.' : where);
    show(this.#text, this.#parts.length > 0);
    show(this.#earlier, part.available === 'file' && this.#from > 0);
    this.#pin();
  }

  #append(part, last) {
    let text = this.#held + part.text;
    this.#held = last ? '' : (UNFINISHED.exec(text)?.[0] ?? '');
    text = visible(text.slice(0, text.length - this.#held.length));
    if (text === '') {
      return;
    }
    const newest = this.#parts.at(-1);
    if (newest !== undefined && newest.to - newest.from < MERGED) {
      newest.append(text);
      newest.to = part.to;
    } else {
      const made = new Part(part.from, part.to, newest?.column ?? 0);
      made.append(text);
      this.#parts.push(made);
      this.#text.append(made.node);
    }
    if (this.#follow) {
      this.#trim();
    }
  }

  #trim() {
    const lines = () => this.#parts.reduce((sum, part) => sum + part.lines, 0);
    while (this.#parts.length > 1 && (this.#to - this.#from > MOST_BYTES || lines() > MOST_LINES)) {
      this.#parts.shift().node.remove();
      this.#from = this.#parts[0].from;
    }
  }

  async #loadEarlier() {
    const path = this.#path;
    const end = this.#from;
    const from = Math.max(0, end - EARLIER_BYTES);
    if (this.#loading) {
      return;
    }
    this.#loading = true;
    this.#setFollow(false);
    try {
      const part = await this.#get(`${path}&from=${from}&limit=${end - from}`);
      if (path !== this.#path || end !== this.#from) {
        return;
      }
      const made = new Part(part.from, end, 0);
      made.append(visible(part.text));
      const height = this.#text.scrollHeight;
      this.#parts.unshift(made);
      this.#text.prepend(made.node);
      this.#text.scrollTop += this.#text.scrollHeight - height;
      this.#from = part.from;
      show(this.#earlier, part.from > 0);
    } catch (error) {
      setText(this.#state, `The earlier output cannot be read: ${error.message}`);
    } finally {
      this.#loading = false;
    }
    if (this.#earlier.hidden) {
      this.#text.focus({ preventScroll: true });
    }
  }

  #switched() {
    if (this.#switch.checked) {
      this.#toEnd();
    } else {
      this.#setFollow(false);
    }
  }

  #toEnd() {
    this.#setFollow(true);
    if (this.#to - this.#from > MOST_BYTES || this.#size - this.#to > MOST_BYTES) {
      this.#ended = false;
      this.#clear();
    }
    this.#pin();
    this.#text.focus({ preventScroll: true });
  }

  /** The reader decides by scrolling: at the end the output follows, elsewhere it stands still. */
  #scrolled() {
    const left = this.#text.scrollHeight - this.#text.scrollTop - this.#text.clientHeight;
    this.#setFollow(left < 8);
  }

  #setFollow(follow) {
    this.#follow = follow;
    this.#switch.checked = follow;
    show(this.#jump, !follow);
  }

  #pin() {
    if (this.#follow) {
      this.#text.scrollTop = this.#text.scrollHeight;
    }
  }
}

function size(bytes) {
  if (bytes < 10000) {
    return `${count(bytes)} bytes`;
  }
  return bytes < 1 << 20
    ? `${Math.round(bytes / 1024)} KiB`
    : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

/** A piece of the output, of which no line is drawn further than can be read. */
class Part {
  #tail = document.createTextNode('');
  #cut = null;

  constructor(from, to, column) {
    this.from = from;
    this.to = to;
    this.lines = 0;
    this.column = column;
    this.node = element('span', {}, this.#tail);
  }

  append(text) {
    let plain = '';
    let at = 0;
    if (lineCount(text) > MOST_LINES) {
      at = lastLines(text, MOST_LINES);
      this.node.prepend(hiddenLines(text.slice(0, at)));
    }
    while (at < text.length) {
      const found = text.indexOf('\n', at);
      const end = found < 0 ? text.length : found;
      const room = Math.max(0, LINE - this.column);
      const drawn = clip(text.slice(at, Math.min(end, at + room)), room);
      plain += drawn;
      if (drawn.length < end - at) {
        this.#write(plain);
        plain = '';
        this.#keep(text.slice(at + drawn.length, end));
      }
      this.column += end - at;
      if (found >= 0) {
        plain += '\n';
        this.lines++;
        this.column = 0;
        this.#cut = null;
      }
      at = end + 1;
    }
    this.#write(plain);
  }

  #write(text) {
    if (text !== '') {
      this.#tail.appendData(text);
    }
  }

  /** Keeps the rest of a line behind a button. */
  #keep(rest) {
    if (this.#cut === null) {
      this.#cut = new Cut();
      this.#tail = document.createTextNode('');
      this.node.append(this.#cut.node, this.#tail);
    }
    this.#cut.add(rest);
  }
}

/** The rest of a long line, drawn step by step. */
class Cut {
  #rest = '';
  #shown = document.createTextNode('');
  #button = element('button', { type: 'button', class: 'more', onclick: () => this.#reveal() });
  node = element('span', {}, this.#shown, this.#button);

  add(rest) {
    this.#rest += rest;
    this.#label();
  }

  #reveal() {
    const part = clip(this.#rest, STEP);
    this.#rest = this.#rest.slice(part.length);
    this.#shown.appendData(part);
    this.#label();
  }

  #label() {
    setText(this.#button, `\u2026 ${count(this.#rest.length)} more characters`);
    show(this.#button, this.#rest.length > 0);
  }
}

function hiddenLines(text) {
  let rest = text;
  const shown = document.createTextNode('');
  const label = () => `\u2026 ${count(lineCount(rest))} earlier lines`;
  const button = element(
    'button',
    {
      type: 'button',
      class: 'more',
      onclick: () => {
        const at = lastLines(rest, MOST_LINES);
        shown.insertData(0, rest.slice(at));
        rest = rest.slice(0, at);
        setText(button, label());
        show(button, rest !== '');
      },
    },
    label(),
  );
  return element('span', {}, button, shown);
}

function lineCount(text) {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    lines++;
  }
  return lines;
}

/** Where the last so many lines of a text begin. */
function lastLines(text, most) {
  let at = text.length;
  for (let lines = 0; lines <= most && at >= 0; lines++) {
    at = text.lastIndexOf('\n', at - 1);
  }
  return at + 1;
}
