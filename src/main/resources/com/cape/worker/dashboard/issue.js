/* One issue: what is to be done, each attempt at it, and what the attempt printed. */
import { Refused } from './api.js';
import { cancel, cancellable, retry, retryable } from './actions.js';
import { element, keyed, setAttribute, setText, show } from './dom.js';
import { Output } from './output.js';
import { count, line, LongText } from './text.js';
import { between, brief, full, now } from './times.js';
import { badge, margin, moment, when } from './words.js';

const SIGNALS = {
  1: 'HUP',
  2: 'INT',
  3: 'QUIT',
  6: 'ABRT',
  9: 'KILL',
  11: 'SEGV',
  13: 'PIPE',
  15: 'TERM',
};

export class IssueView {
  everyOverview = false;
  #id;
  #fence = null;
  #latest = null;
  #status = badge();
  #facts = element('p', { class: 'facts' });
  #description = new LongText('Description');
  #rest = element('p', { class: 'hint' });
  #error = new LongText('Last error');
  #errorCard = element(
    'section',
    { class: 'card' },
    element('h2', {}, 'Last error'),
    this.#error.node,
  );
  #list = element('ol', { class: 'timeline' });
  #older = element('p', { class: 'hint' });
  #none = element('p', { class: 'quiet' }, 'It has not been tried yet.');
  #retry = element('button', { type: 'button', onclick: () => retry(this.#latest) }, 'Retry');
  #cancel = element(
    'button',
    { type: 'button', onclick: () => cancel(this.#latest) },
    'Cancel \u2026',
  );
  #missing = element('p', { class: 'notice bad' });
  #longest = 1;

  constructor(id, get) {
    this.#id = id;
    this.heading = element('h1', { tabindex: '-1' }, `Issue ${id}`);
    this.output = new Output(get);
    this.parts = element(
      'div',
      { class: 'issue' },
      element(
        'div',
        { class: 'column' },
        element(
          'section',
          { class: 'card' },
          element('h2', {}, 'Description'),
          this.#description.node,
          this.#rest,
        ),
        this.#errorCard,
        element(
          'section',
          { class: 'card' },
          element('h2', {}, 'Attempts'),
          this.#none,
          this.#list,
          this.#older,
        ),
      ),
      element('div', { class: 'column' }, this.output.node),
    );
    this.node = element(
      'div',
      { class: 'view' },
      element(
        'div',
        { class: 'title' },
        this.heading,
        this.#status.node,
        element('div', { class: 'buttons' }, this.#retry, this.#cancel),
      ),
      this.#missing,
      this.#facts,
      this.parts,
    );
    [
      this.#missing,
      this.#status.node,
      this.#errorCard,
      this.#retry,
      this.#cancel,
      this.parts,
      this.output.node,
    ].forEach((node) => show(node, false));
  }

  get title() {
    const status = this.#latest === null ? '' : `, ${line(this.#latest.status, 20)}`;
    return `Issue ${this.#id}${status}`;
  }

  route(query) {
    this.#fence = query.get('fence');
  }

  async refresh(get) {
    try {
      this.#render(await get(`/api/issues/${this.#id}`));
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) {
        throw error;
      }
      show(this.#missing, true);
      setText(
        this.#missing,
        `There is no issue ${this.#id}: it was never submitted, or it was deleted.`,
      );
      [this.parts, this.#retry, this.#cancel, this.#facts, this.#status.node].forEach((node) =>
        show(node, false),
      );
      return;
    }
    await this.output.refresh(get);
  }

  overview() {}

  #render({ issue, attempts, more }) {
    this.#latest = issue;
    show(this.#missing, false);
    [this.parts, this.#facts, this.#status.node].forEach((node) => show(node, true));
    this.#status.update(issue.status);
    setText(this.#facts, facts(issue));
    this.#description.set(issue.description);
    const missing = this.#missingOf(issue);
    show(this.#rest, missing > 0);
    setText(
      this.#rest,
      `${count(missing)} more characters: 'cape-worker show ${issue.id} --json' prints them.`,
    );
    show(this.#errorCard, issue.last_error !== null);
    this.#error.set(issue.last_error ?? '');
    show(this.#retry, retryable(issue, now()));
    show(this.#cancel, cancellable(issue));
    this.#renderAttempts(issue, attempts, more ?? 0);
  }

  #counted = { text: '', characters: 0 };

  /** How much of the description was left out. */
  #missingOf({ description, description_length: length }) {
    if (this.#counted.text !== description) {
      this.#counted = { text: description, characters: [...description].length };
    }
    return length - this.#counted.characters;
  }

  #renderAttempts(issue, attempts, more) {
    const chosen = attempts.find((attempt) => String(attempt.fence) === this.#fence) ?? attempts[0];
    const took = (attempt) => between(attempt.started_at, attempt.finished_at ?? now());
    this.#longest = Math.max(1, ...attempts.map(took));
    show(this.#none, attempts.length === 0);
    keyed(
      this.#list,
      attempts,
      (attempt) => attempt.fence,
      (attempt) => this.#attempt(attempt),
    );
    [...this.#list.children].forEach((item, index) => {
      setAttribute(
        item.querySelector('a'),
        'aria-current',
        attempts[index] === chosen ? 'true' : false,
      );
    });
    show(this.#older, more > 0);
    setText(this.#older, `${count(more)} older attempts are not shown.`);
    show(this.output.node, chosen !== undefined);
    if (chosen !== undefined) {
      this.output.choose(issue.id, chosen);
    }
  }

  #attempt({ fence, attempt }) {
    const outcome = badge();
    const ending = element('span', { class: 'quiet' });
    const started = moment();
    const took = element('span', { class: 'nowrap' });
    const where = element('span', {});
    const adopted = element('p', { class: 'meta' });
    const length = element('span', { class: 'length', 'aria-hidden': 'true' });
    const left = margin();
    const error = new LongText(`Error of attempt ${attempt}`);
    const link = element(
      'a',
      { href: `#/issues/${this.#id}?fence=${fence}` },
      `Attempt ${attempt}`,
    );
    const node = element(
      'li',
      {},
      element('h3', {}, link, outcome.node, ending),
      element('p', { class: 'meta' }, started.node, ', ', took, ', ', where),
      adopted,
      length,
      left.node,
      error.node,
    );
    return {
      node,
      update: (fresh) => {
        const runs = fresh.finished_at === null;
        const seconds = between(fresh.started_at, fresh.finished_at ?? now());
        outcome.update(fresh.outcome);
        setText(ending, endingOf(fresh));
        started.update(fresh.started_at, full(fresh.started_at));
        setText(took, runs ? `running for ${brief(seconds)}` : `took ${brief(seconds)}`);
        setText(where, `by ${line(fresh.worker, 100)} on ${line(fresh.host, 100)}`);
        show(adopted, fresh.adoptions > 0);
        setText(adopted, adoptionOf(fresh));
        length.style.width = `${Math.max(1, (100 * seconds) / this.#longest)}%`;
        show(left.node, runs);
        if (runs) {
          this.#renderLease(left, fresh);
        }
        show(error.node, fresh.error !== null && fresh.error !== '');
        error.set(fresh.error ?? '');
        setAttribute(node, 'class', runs ? 'live' : 'ended');
      },
    };
  }

  /** A lease is as long as the most that was ever left of it here. */
  #renderLease(left, attempt) {
    const seconds = (Date.parse(attempt.lease_expires_at) - now()) / 1000;
    left.update(
      seconds,
      attempt.lease_seconds ?? Math.max(10, this.#lease(attempt.fence, seconds)),
    );
  }

  #leases = new Map();

  #lease(fence, seconds) {
    const most = Math.max(seconds, this.#leases.get(fence) ?? 0);
    this.#leases.set(fence, most);
    return Math.round(most);
  }
}

function facts(issue) {
  const parts = [
    standing(issue),
    `priority ${issue.priority}`,
    issue.attempts === 1 ? '1 attempt counted' : `${issue.attempts} attempts counted`,
  ];
  if (issue.worker !== null) {
    parts.push(`worker ${line(issue.worker, 100)}`);
  }
  if (issue.created_at !== null) {
    parts.push(`created ${full(issue.created_at)}`);
  }
  if (issue.cancel_requested_at !== null && issue.status !== 'cancelled') {
    parts.push('to be cancelled');
  }
  if (issue.status === 'started' && !issue.running) {
    parts.push('somebody else started it: no attempt is running');
  }
  if (issue.waiting !== null && issue.waiting !== undefined) {
    parts.push(line(issue.waiting, 500));
  }
  return parts.join(' \u00b7 ');
}

function standing(issue) {
  const time = when(issue);
  if (issue.status === 'pending') {
    return time.startsWith('due') ? time : `due ${time}`;
  }
  return `${issue.status === 'started' ? 'running' : 'ended'} ${time}`;
}

function adoptionOf({ adopted_at: at, adoptions }) {
  const times = ['', 'once', 'twice'][adoptions] ?? `${count(adoptions)} times`;
  return at === null ? '' : `adopted by this worker's next process at ${full(at)}, ${times}`;
}

function endingOf(attempt) {
  if (attempt.signal !== null) {
    return `signal ${attempt.signal}${SIGNALS[attempt.signal] === undefined ? '' : ` (${SIGNALS[attempt.signal]})`}`;
  }
  return attempt.exit_code === null ? '' : `exit ${attempt.exit_code}`;
}
