/* The first view: how the queue stands, how it went lately, and who works. */
import { Chart } from './chart.js';
import { element, setAttribute, setText } from './dom.js';
import { count } from './text.js';
import { between, brief, fine, full } from './times.js';
import { WorkerTable } from './workers.js';

/** One number with what it means; a link to the issues that it counts, where there are any. */
function tile(label, href) {
  const value = element('span', { class: 'value' }, '\u2013');
  const note = element('span', { class: 'note' });
  const parts = [element('span', { class: 'label' }, label), value, note];
  const inside = href === null ? element('div', {}, ...parts) : element('a', { href }, ...parts);
  return {
    node: element('li', { class: 'tile' }, inside),
    update(number, text, kind = '') {
      setText(value, number);
      setText(note, text);
      setAttribute(value, 'class', `value ${kind}`);
    },
  };
}

export class OverviewView {
  everyOverview = true;
  title = 'Overview';
  heading = element('h1', { tabindex: '-1' }, 'Overview');
  #pending = tile('Pending', '#/issues?status=pending&sort=queue');
  #started = tile('Running', '#/issues?status=started');
  #completed = tile('Completed', '#/issues?status=completed');
  #failed = tile('Failed', '#/issues?status=failed');
  #cancelled = tile('Cancelled', '#/issues?status=cancelled');
  #oldest = tile('Oldest due', '#/issues?status=pending&sort=queue');
  #pickup = tile('Picked up within', null);
  #minutes = new Chart('Last 60 minutes', 'minute', 10);
  #hours = new Chart('Last 24 hours', 'hour', 4);
  #workers = new WorkerTable(false);

  constructor() {
    const tiles = [
      this.#pending,
      this.#started,
      this.#completed,
      this.#failed,
      this.#cancelled,
      this.#oldest,
      this.#pickup,
    ];
    this.node = element(
      'div',
      { class: 'view' },
      this.heading,
      element('ul', { class: 'tiles', 'aria-label': 'Queue' }, ...tiles.map((one) => one.node)),
      element('div', { class: 'charts' }, this.#minutes.node, this.#hours.node),
      element(
        'section',
        { class: 'card' },
        element(
          'div',
          { class: 'card-head' },
          element('h2', {}, 'Workers'),
          element('a', { href: '#/workers' }, 'All about them'),
        ),
        this.#workers.node,
      ),
    );
  }

  route() {}

  async refresh() {}

  overview(overview) {
    const issues = overview.issues;
    this.#pending.update(
      count(issues.pending),
      `${count(issues.due)} due, ${count(issues.retrying)} to be retried`,
    );
    this.#started.update(
      count(issues.started),
      issues.unowned > 0 ? `${count(issues.unowned)} not by these workers` : 'at this moment',
    );
    this.#completed.update(
      count(issues.completed_last_hour),
      `in the last hour, ${count(issues.completed_last_day)} in a day`,
      'good',
    );
    this.#failed.update(count(issues.failed), 'to be looked at', issues.failed > 0 ? 'bad' : '');
    this.#cancelled.update(count(issues.cancelled), 'by somebody');
    this.#renderOldest(overview);
    this.#renderPickup(overview.pickup);
    this.#minutes.update(overview.minutes ?? []);
    this.#hours.update(overview.hours ?? []);
    this.#workers.update(overview);
  }

  #renderOldest(overview) {
    const since = overview.oldest_due_since;
    if (since === null) {
      this.#oldest.update('none', 'nothing waits');
      return;
    }
    const waits = between(since, overview.now);
    this.#oldest.update(
      brief(waits),
      `since ${waits < 43200 ? full(since).slice(11) : full(since)}`,
      waits > 60 ? 'warn' : '',
    );
  }

  #renderPickup(pickup) {
    if (pickup?.p50 === undefined || pickup.p50 === null) {
      this.#pickup.update('\u2013', 'nothing in the last hour');
    } else {
      this.#pickup.update(fine(pickup.p50), `half of the last hour; 95 % in ${fine(pickup.p95)}`);
    }
  }
}
