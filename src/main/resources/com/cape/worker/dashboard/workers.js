/* Workers, what each of them runs, and how much of each lease is left. */
import { openPause, resume } from './actions.js';
import { cell, element, keyed, setAttribute, setText, show, table } from './dom.js';
import { age, between, brief, full } from './times.js';
import { line } from './text.js';
import { badge, margin, moment } from './words.js';

const BRIEF = ['Worker', 'State', 'Heard', 'Running', 'Free'];
const WHOLE = [...BRIEF, 'Host', 'Version', 'Up for', 'Notified', ''];

/** A worker's state, as far as is known: one that is silent for longer than its lease is gone. */
function stateOf(worker) {
  return worker.alive || worker.state === 'stopped' ? worker.state : 'gone';
}

/** The table of workers; whole with where each of them is, and what may be done. */
export class WorkerTable {
  #at = '';
  #paused = new Set();

  constructor(whole) {
    this.whole = whole;
    const columns = (whole ? WHOLE : BRIEF).map((name) =>
      name === '' ? { name: 'Action', class: 'action' } : { name },
    );
    const made = table('Workers', columns);
    this.body = made.body;
    this.none = element(
      'p',
      { class: 'quiet', hidden: true },
      'No worker has registered in the last days.',
    );
    this.node = element('div', {}, this.none, made.node);
    made.node.classList.add('workers');
    this.table = made.node;
    show(this.table, false);
  }

  update(overview) {
    this.#at = overview.now;
    this.#paused = new Set(overview.pauses.map((pause) => pause.worker));
    show(this.none, overview.workers.length === 0);
    show(this.table, overview.workers.length > 0);
    keyed(
      this.body,
      overview.workers,
      (worker) => worker.id,
      (worker) => this.#row(worker.id),
    );
  }

  #row(id) {
    const state = badge();
    const heard = moment();
    const runs = element('ul', { class: 'runs' });
    const free = cell('free');
    const name = line(id, 100);
    const cells = [
      element(
        'th',
        { scope: 'row', role: 'rowheader', class: 'name' },
        element('a', { href: `#/issues?worker=${encodeURIComponent(id)}` }, name),
      ),
      cell('state', state.node),
      cell('heard', heard.node),
      cell('running', runs),
      free,
    ];
    const rest = this.whole ? this.#rest(id, name) : { cells: [], update() {} };
    return {
      node: element('tr', { role: 'row' }, ...cells, ...rest.cells),
      update: (worker) => {
        state.update(stateOf(worker));
        heard.update(worker.heartbeat_at, age(worker.heartbeat_at, this.#at));
        setText(free, freeOf(worker));
        keyed(
          runs,
          worker.runs,
          (run) => `${run.issue_id}-${run.attempt}`,
          (run) => runItem(run),
        );
        worker.runs.forEach((run, index) => renderRun(runs.children[index], run, worker, this.#at));
        rest.update(worker);
      },
    };
  }

  #rest(id, name) {
    const host = cell('host');
    const version = cell('version');
    const up = moment();
    const notified = cell('notified');
    const button = element('button', {
      type: 'button',
      onclick: () => (this.#paused.has(id) ? resume(id) : openPause(id)),
    });
    return {
      cells: [host, version, cell('up', up.node), notified, cell('action', button)],
      update: (worker) => {
        setText(host, `${line(worker.host, 100)} (pid ${worker.pid})`);
        setText(version, line(worker.version, 40));
        up.update(worker.started_at, brief(between(worker.started_at, this.#at)));
        setText(notified, worker.listening ? 'at once' : 'polls');
        const paused = this.#paused.has(id);
        setText(button, paused ? 'Resume' : 'Pause \u2026');
        setAttribute(
          button,
          'aria-label',
          paused ? `Resume worker ${name}` : `Pause worker ${name}`,
        );
      },
    };
  }
}

function freeOf(worker) {
  const slots = worker.free_slots === 1 ? '1 slot' : `${worker.free_slots} slots`;
  return worker.alive && worker.state !== 'stopped' ? slots : '\u2013';
}

const RUNS = new WeakMap();

function runItem(run) {
  const left = margin();
  const since = element('span', { class: 'nowrap' });
  const node = element(
    'li',
    {},
    element('a', { href: `#/issues/${run.issue_id}` }, `Issue ${run.issue_id}`),
    since,
    left.node,
  );
  RUNS.set(node, { since, left });
  return { node, update() {} };
}

function renderRun(node, run, worker, at) {
  const { since, left } = RUNS.get(node);
  const which = run.attempt > 1 ? `attempt ${run.attempt}, ` : '';
  setText(since, ` ${which}for ${brief(between(run.started_at, at))}`);
  setAttribute(since, 'title', `since ${full(run.started_at)}`);
  left.update(run.lease_margin_seconds, worker.lease_seconds);
}

/** The view of all workers. */
export class WorkersView {
  everyOverview = true;
  title = 'Workers';
  heading = element('h1', { tabindex: '-1' }, 'Workers');
  #table = new WorkerTable(true);
  #summary = element('p', { class: 'quiet' });

  constructor() {
    this.node = element(
      'div',
      { class: 'view' },
      this.heading,
      this.#summary,
      element('section', { class: 'card', 'aria-label': 'All workers' }, this.#table.node),
    );
  }

  route() {}

  async refresh() {}

  overview(overview) {
    const alive = overview.workers.filter((worker) => worker.alive && worker.state !== 'stopped');
    const runs = overview.workers.reduce((sum, worker) => sum + worker.runs.length, 0);
    const free = alive.reduce((sum, worker) => sum + worker.free_slots, 0);
    setText(
      this.#summary,
      `${alive.length} alive, ${runs} running, ${free} free slots. One that has not been heard of for its lease is gone.`,
    );
    this.#table.update(overview);
  }
}
