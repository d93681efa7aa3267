/* How attempts ended over time: what was completed above the line, everything else below it. */
import { element, setAttribute, setText, svg } from './dom.js';
import { clock, full } from './times.js';
import { count } from './text.js';

const HEIGHT = 168;
const LEFT = 40;
const TOP = 10;
const BOTTOM = 22;
const SERIES = [
  { name: 'completed', word: 'completed' },
  { name: 'failed', word: 'failed' },
  { name: 'cancelled', word: 'cancelled' },
  { name: 'other', word: 'given back' },
];
const BELOW = SERIES.slice(1);

/** A chart with its legend, and the same as a table for who cannot see it. */
export class Chart {
  #points = [];
  #width = 0;
  #bars = [];
  #grid = [];
  #marks = [];
  #picture = svg('svg', { role: 'img', class: 'chart', height: HEIGHT });
  #totals = SERIES.map((series) => ({ series, node: element('b', {}, '0') }));
  #rows = element('tbody');

  /** @param every how many points there are from one label of the time to the next */
  constructor(title, unit, every) {
    this.title = title;
    this.unit = unit;
    this.every = every;
    this.node = element(
      'section',
      { class: 'card' },
      element('div', { class: 'card-head' }, element('h2', {}, title), this.#legend()),
      this.#picture,
      this.#table(),
    );
    new ResizeObserver(() => this.#resize()).observe(this.#picture);
  }

  #legend() {
    const entries = this.#totals.map(({ series, node }) =>
      element(
        'li',
        {},
        element('span', { class: `key ${series.name}`, 'aria-hidden': 'true' }),
        node,
        ` ${series.word}`,
      ),
    );
    return element('ul', { class: 'legend' }, ...entries);
  }

  #table() {
    const heads = ['From', ...SERIES.map((series) => series.word)];
    return element(
      'details',
      {},
      element('summary', {}, 'As a table'),
      element(
        'div',
        {
          class: 'scroll',
          tabindex: '0',
          role: 'region',
          'aria-label': `${this.title}, as a table`,
        },
        element(
          'table',
          { class: 'numbers' },
          element(
            'caption',
            { class: 'unseen' },
            `${this.title}: how attempts ended, by the ${this.unit}`,
          ),
          element(
            'thead',
            {},
            element('tr', {}, ...heads.map((head) => element('th', { scope: 'col' }, head))),
          ),
          this.#rows,
        ),
      ),
    );
  }

  /** @param points [{at, completed, failed, cancelled, other}], the oldest first */
  update(points) {
    if (JSON.stringify(points) === JSON.stringify(this.#points)) {
      return;
    }
    this.#points = points;
    const sums = this.#totals.map(({ series, node }) => {
      const sum = points.reduce((total, point) => total + point[series.name], 0);
      setText(node, count(sum));
      return `${count(sum)} ${series.word}`;
    });
    setAttribute(this.#picture, 'aria-label', `${this.title}: ${sums.join(', ')}. ${this.#peak()}`);
    this.#fillTable();
    this.#draw();
  }

  #peak() {
    const most = this.#points.reduce(
      (best, point) => (point.completed > (best?.completed ?? 0) ? point : best),
      null,
    );
    return most === null
      ? ''
      : `Most completed in the ${this.unit} from ${clock(most.at)}: ${count(most.completed)}.`;
  }

  #fillTable() {
    const rows = [...this.#points].reverse();
    while (this.#rows.children.length > rows.length) {
      this.#rows.lastElementChild.remove();
    }
    rows.forEach((point, index) => {
      const row = this.#rows.children[index] ?? this.#rows.appendChild(tableRow());
      setText(row.children[0], full(point.at).slice(0, 16));
      SERIES.forEach((series, column) =>
        setText(row.children[column + 1], count(point[series.name])),
      );
    });
  }

  #resize() {
    const width = Math.round(this.#picture.getBoundingClientRect().width);
    if (width > 0 && width !== this.#width) {
      this.#width = width;
      this.#draw();
    }
  }

  #draw() {
    if (this.#width === 0 || this.#points.length === 0) {
      return;
    }
    setAttribute(this.#picture, 'viewBox', `0 0 ${this.#width} ${HEIGHT}`);
    const up = Math.max(0, ...this.#points.map((point) => point.completed));
    const down = Math.max(0, ...this.#points.map(below));
    const step = nice((up + down) / 4);
    const top = Math.max(3 * step, Math.ceil(up / step) * step); // one alone is no peak
    const bottom = Math.ceil(down / step) * step;
    const scale = (HEIGHT - TOP - BOTTOM) / (top + bottom);
    const y = (value) => TOP + (top - value) * scale;
    this.#drawGrid(step, top, bottom, y);
    this.#drawBars(y);
    this.#drawTimes();
  }

  #drawGrid(step, top, bottom, y) {
    const values = [];
    for (let value = -bottom; value <= top; value += step) {
      values.push(value);
    }
    fit(this.#grid, values.length, () => {
      const made = {
        line: svg('line', { x1: LEFT }),
        label: svg('text', { x: LEFT - 6, 'text-anchor': 'end', dy: '0.32em' }),
      };
      this.#picture.prepend(made.line, made.label);
      return made;
    });
    values.forEach((value, index) => {
      const { line, label } = this.#grid[index];
      setAttribute(line, 'class', value === 0 ? 'axis' : 'grid');
      place(line, { x2: this.#width, y1: y(value), y2: y(value) });
      place(label, { y: y(value) });
      setText(label, short(Math.abs(value)));
    });
  }

  #drawBars(y) {
    const room = (this.#width - LEFT) / this.#points.length;
    const gap = room > 6 ? 2 : 1;
    fit(this.#bars, this.#points.length, () => {
      const tip = svg('title');
      const parts = SERIES.map((series) => svg('rect', { class: series.name }));
      const group = svg(
        'g',
        {},
        tip,
        svg('rect', { class: 'hit', y: 0, height: HEIGHT - BOTTOM }),
        ...parts,
      );
      this.#picture.append(group);
      return { tip, hit: group.children[1], parts, line: group, label: group };
    });
    this.#points.forEach((point, index) => {
      const { tip, hit, parts } = this.#bars[index];
      const x = LEFT + index * room;
      setText(tip, this.#describe(point));
      place(hit, { x, width: room });
      let depth = 0;
      SERIES.forEach((series, number) => {
        const value = point[series.name];
        const from = series.name === 'completed' ? value : -depth;
        depth += series.name === 'completed' ? 0 : value;
        const height = Math.max(value > 0 ? 1.5 : 0, y(from - value) - y(from));
        place(parts[number], {
          x: x + gap / 2,
          width: Math.max(1, room - gap),
          y: y(from),
          height,
        });
      });
    });
  }

  #describe(point) {
    const parts = SERIES.filter((series) => point[series.name] > 0).map(
      (series) => `${count(point[series.name])} ${series.word}`,
    );
    return `${clock(point.at)}: ${parts.join(', ') || 'nothing ended'}`;
  }

  #drawTimes() {
    const room = (this.#width - LEFT) / this.#points.length;
    const every = this.every * (this.#width < 420 ? 2 : 1);
    const shown = this.#points
      .map((point, index) => ({ point, index }))
      .filter(({ index }) => index % every === 0);
    fit(this.#marks, shown.length, () => {
      const label = svg('text', { y: HEIGHT - 5, 'text-anchor': 'middle' });
      this.#picture.append(label);
      return { line: label, label };
    });
    shown.forEach(({ point, index }, number) => {
      const { label } = this.#marks[number];
      place(label, { x: Math.max(LEFT + 14, LEFT + (index + 0.5) * room) });
      setText(label, clock(point.at));
    });
  }
}

function below(point) {
  return BELOW.reduce((sum, series) => sum + point[series.name], 0);
}

function tableRow() {
  return element('tr', {}, element('th', { scope: 'row' }), ...SERIES.map(() => element('td')));
}

/** Makes a list as long as that: adds what is missing, and removes what is too much. */
function fit(list, length, make) {
  while (list.length > length) {
    const { line, label } = list.pop();
    line.remove();
    label.remove();
  }
  while (list.length < length) {
    list.push(make());
  }
}

function place(node, numbers) {
  for (const [name, value] of Object.entries(numbers)) {
    setAttribute(node, name, Math.round(value * 100) / 100);
  }
}

/** The next of 1, 2, 5, 10, 20, 50, ... */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= value);
}

function short(value) {
  return value >= 10000 ? `${value / 1000}k` : String(value);
}
