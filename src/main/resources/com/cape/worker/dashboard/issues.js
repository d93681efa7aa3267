/* Issues by status, text and worker, page by page. */
import { cancel, cancellable, retry, retryable, say } from './actions.js';
import { cell, element, keyed, setAttribute, setText, show, table } from './dom.js';
import { full, now } from './times.js';
import { count, line } from './text.js';
import { badge, when } from './words.js';

const LIMIT = 50;
const STATUSES = ['pending', 'started', 'completed', 'failed', 'cancelled'];
const TYPING = 300;

export class IssuesView {
  everyOverview = false;
  title = 'Issues';
  heading = element('h1', { tabindex: '-1' }, 'Issues');
  #query = new URLSearchParams();
  #visited = [];
  #next = null;
  #shown = '';
  #timer = 0;
  #boxes = new Map();
  #search = element('input', {
    type: 'search',
    id: 'q',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'q-hint',
    oninput: () => this.#typed(),
  });
  #sort = element('select', { id: 'sort', onchange: () => this.#filtered() });
  #worker = element('button', { type: 'button', class: 'chip', onclick: () => this.#anyWorker() });
  #found = element('p', { class: 'quiet', id: 'found' }, 'Reading \u2026');
  #pagers = [pager('Pages'), pager('Pages, once more')];

  constructor() {
    const made = table('Issues', [
      { name: 'Issue' },
      { name: 'Status' },
      { name: 'Description', class: 'wide' },
      { name: 'Worker' },
      { name: 'Tries' },
      { name: 'When' },
      { name: 'Action', class: 'action' },
    ]);
    this.table = made.node;
    this.body = made.body;
    made.node.classList.add('issues');
    show(made.node, false);
    made.body.addEventListener('keydown', (event) => step(made.body, event));
    this.node = element(
      'div',
      { class: 'view' },
      this.heading,
      this.#filters(),
      element(
        'section',
        { class: 'card', 'aria-label': 'The list' },
        element('div', { class: 'card-head' }, this.#found, this.#pagers[0].node),
        made.node,
        this.#pagers[1].node,
      ),
    );
  }

  #filters() {
    for (const [value, text] of [
      ['newest', 'Newest first'],
      ['oldest', 'Oldest first'],
      ['queue', 'As they are claimed'],
    ]) {
      this.#sort.append(element('option', { value }, text));
    }
    const boxes = STATUSES.map((status) => {
      const box = element('input', {
        type: 'checkbox',
        name: 'status',
        value: status,
        onchange: () => this.#ticked(box),
      });
      this.#boxes.set(status, box);
      return element('label', { class: 'chip' }, box, status);
    });
    return element(
      'form',
      {
        class: 'filters',
        role: 'search',
        onsubmit: (event) => {
          event.preventDefault();
          this.#filtered();
        },
      },
      element(
        'div',
        { class: 'field grow' },
        element('label', { for: 'q' }, 'Search'),
        this.#search,
        element('p', { class: 'hint', id: 'q-hint' }, 'A number, or part of a description'),
      ),
      element(
        'fieldset',
        { class: 'field' },
        element('legend', {}, 'Status'),
        element('div', { class: 'chips' }, ...boxes, this.#worker),
      ),
      element('div', { class: 'field' }, element('label', { for: 'sort' }, 'Order'), this.#sort),
    );
  }

  /** Shows what the address asks for; what is being typed stays as it is. */
  route(query) {
    if (query.get('after') === null) {
      this.#visited = [];
    }
    this.#query = query;
    const statuses = (query.get('status') ?? '').split(',');
    this.#boxes.forEach((box, status) => {
      box.checked = statuses.includes(status);
    });
    const text = query.get('q') ?? '';
    if (this.#timer === 0 && this.#search.value.trim() !== text) {
      this.#search.value = text;
    }
    this.#sort.value = query.get('sort') ?? 'newest';
    const worker = query.get('worker');
    show(this.#worker, worker !== null);
    setText(this.#worker, worker === null ? '' : `worker ${line(worker, 60)} \u00d7`);
    setAttribute(
      this.#worker,
      'aria-label',
      worker === null ? false : `Not only worker ${line(worker, 60)}`,
    );
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#filtered(), TYPING);
  }

  /** Only pending issues are in the queue. */
  #ticked(box) {
    if (box.checked && box.value !== 'pending' && this.#sort.value === 'queue') {
      this.#boxes.get('pending').checked = false;
      this.#sort.value = 'newest';
    }
    this.#filtered();
  }

  #filtered() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const query = new URLSearchParams();
    const statuses = STATUSES.filter((status) => this.#boxes.get(status).checked);
    setIf(query, 'status', this.#sort.value === 'queue' ? 'pending' : statuses.join(','));
    setIf(query, 'q', this.#search.value.trim());
    setIf(query, 'sort', this.#sort.value === 'newest' ? '' : this.#sort.value);
    setIf(query, 'worker', this.#query.get('worker') ?? '');
    this.#go(query, true);
  }

  #anyWorker() {
    const query = new URLSearchParams(this.#query);
    query.delete('worker');
    query.delete('after');
    this.#search.focus();
    this.#go(query, true);
  }

  #go(query, replace) {
    const address = `#/issues${query.size > 0 ? `?${query}` : ''}`;
    if (replace) {
      history.replaceState(null, '', address);
      dispatchEvent(new HashChangeEvent('hashchange'));
    } else {
      location.hash = address;
    }
  }

  async refresh(get) {
    const query = new URLSearchParams(this.#query);
    query.set('limit', LIMIT);
    const asked = query.toString();
    const page = await get(`/api/issues?${query}`);
    this.#next = page.next ?? null;
    keyed(
      this.body,
      page.issues,
      (issue) => issue.id,
      (issue) => row(issue),
    );
    show(this.table, page.issues.length > 0);
    this.#render(page, asked);
    this.#pagers.forEach((one) => one.update(this.#links(page)));
  }

  overview() {}

  #render(page, asked) {
    const searched = page.searched_until ?? null;
    const further = this.#next !== null && searched !== null;
    const many = page.issues.length === 1 ? '1 issue' : `${count(page.issues.length)} issues`;
    const text = page.issues.length === 0 ? 'No such issue' : many;
    setText(
      this.#found,
      further ? `${text} among those searched so far, back to issue ${searched}` : text,
    );
    if (this.#shown !== asked && this.#shown !== '') {
      say(this.#found.textContent);
    }
    this.#shown = asked;
  }

  #links(page) {
    const here = this.#query.get('after');
    const to = (after) => {
      const query = new URLSearchParams(this.#query);
      query.delete('after');
      setIf(query, 'after', after ?? '');
      return `#/issues${query.size > 0 ? `?${query}` : ''}`;
    };
    const turn = (event) => {
      this.#visited.push(here);
      this.#top(event);
    };
    const back = (event) => {
      this.#visited.pop();
      this.#top(event);
    };
    const searching = (page.searched_until ?? null) !== null;
    return {
      first: here === null ? null : { href: to(null), onclick: (event) => this.#top(event) },
      previous:
        this.#visited.length === 0 ? null : { href: to(this.#visited.at(-1)), onclick: back },
      next:
        this.#next === null
          ? null
          : {
              href: to(this.#next),
              onclick: turn,
              text: searching ? 'Search further' : 'Next page',
            },
    };
  }

  /** A new page begins at its top, and so does the reader. */
  #top() {
    this.heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function setIf(query, name, value) {
  if (value !== '') {
    query.set(name, value);
  }
}

function row(issue) {
  const status = badge();
  const link = element('a', { href: `#/issues/${issue.id}` }, String(issue.id));
  const description = element('span', { class: 'clamp', dir: 'auto' });
  const worker = cell('worker');
  const tries = cell('tries');
  const time = cell('when');
  let latest = issue;
  const button = element('button', {
    type: 'button',
    onclick: () => (retryable(latest, now()) ? retry(latest) : cancel(latest)),
  });
  return {
    node: element(
      'tr',
      { role: 'row' },
      element('th', { scope: 'row', role: 'rowheader', class: 'id' }, link),
      cell('state', status.node),
      cell('wide', description),
      worker,
      tries,
      time,
      cell('action', button),
    ),
    update(fresh) {
      latest = fresh;
      status.update(fresh.status);
      setText(description, line(fresh.description));
      setText(worker, fresh.worker === null ? '\u2013' : line(fresh.worker, 100));
      setText(tries, String(fresh.attempts));
      setText(time, when(fresh));
      setAttribute(
        time,
        'title',
        `created ${fresh.created_at === null ? 'at an unknown time' : full(fresh.created_at)}`,
      );
      const again = retryable(fresh, now());
      setText(button, again ? 'Retry' : 'Cancel \u2026');
      setAttribute(
        button,
        'aria-label',
        again ? `Retry issue ${fresh.id}` : `Cancel issue ${fresh.id}`,
      );
      show(button, again || cancellable(fresh));
    },
  };
}

/** The arrow keys go from row to row. */
function step(body, event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = [...body.querySelectorAll('th a')];
  const at = links.findIndex((link) => link.closest('tr').contains(document.activeElement));
  if (by === undefined || at < 0 || links[at + by] === undefined) {
    return;
  }
  event.preventDefault();
  links[at + by].focus();
}

function pager(name) {
  const links = {
    first: element('a', { class: 'button' }, 'First page'),
    previous: element('a', { class: 'button' }, 'Previous page'),
    next: element('a', { class: 'button' }, 'Next page'),
  };
  const node = element(
    'nav',
    { class: 'pager', 'aria-label': name, hidden: true },
    ...Object.values(links),
  );
  return {
    node,
    update(targets) {
      show(
        node,
        Object.values(targets).some((target) => target !== null),
      );
      for (const [which, link] of Object.entries(links)) {
        const target = targets[which];
        show(link, target !== null);
        if (target !== null) {
          setAttribute(link, 'href', target.href);
          link.onclick = target.onclick;
          setText(link, target.text ?? link.textContent);
        }
      }
    },
  };
}
