/* What people may change: each is asked for once, and what came of it is said. */
import { post, Refused } from './api.js';
import { element, setAttribute, setText } from './dom.js';

const SAID_FOR = 8000;

const said = document.getElementById('said');
let timer = 0;

/** Says something to everybody: on the page for a while, and to screen readers once. */
export function say(message, { bad = false, link = null } = {}) {
  clearTimeout(timer);
  const parts =
    link === null ? [message] : [message, ' ', element('a', { href: link.href }, link.text)];
  said.replaceChildren(element('p', { class: bad ? 'toast bad' : 'toast' }, ...parts));
  timer = setTimeout(unsay, SAID_FOR);
}

function unsay() {
  if (said.contains(document.activeElement)) {
    timer = setTimeout(unsay, SAID_FOR);
  } else {
    said.replaceChildren();
  }
}

/** Has something done by the server; says how it went, and answers whether it was done. */
export async function act(path, fields = {}) {
  try {
    const done = await post(path, fields);
    say(done.message);
    return true;
  } catch (error) {
    say(why(error), { bad: true });
    return false;
  }
}

function why(error) {
  return error instanceof Refused
    ? error.message
    : `${error.message}; it is not known whether it was done`;
}

/** A form in a <dialog>: closed when what it asks for was done, open with the reason when not. */
class Form {
  #working = false;

  constructor(id) {
    this.dialog = document.getElementById(id);
    this.form = this.dialog.querySelector('form');
    this.wrong = this.dialog.querySelector('.wrong');
    this.dialog.querySelector('.close').addEventListener('click', () => this.dialog.close());
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  open(submit) {
    this.submit = submit;
    setText(this.wrong, '');
    this.dialog.showModal();
  }

  async #submit() {
    if (this.#working) {
      return;
    }
    this.#working = true;
    const button = this.form.querySelector('[type=submit]');
    setAttribute(button, 'aria-busy', 'true');
    setText(this.wrong, '');
    try {
      const done = await this.submit(Object.fromEntries(new FormData(this.form)));
      this.form.reset();
      this.dialog.close();
      const link = done.id === undefined ? null : { href: `#/issues/${done.id}`, text: 'Show it' };
      say(done.message, { link });
    } catch (error) {
      setText(this.wrong, why(error));
    } finally {
      this.#working = false;
      setAttribute(button, 'aria-busy', false);
    }
  }
}

const submitForm = new Form('submit');
const pauseForm = new Form('pause');
const confirmForm = new Form('confirm');

/** Lets the buttons of the page's head work; `after` is called when something was changed. */
export function arm(after) {
  changed = after;
  document.getElementById('open-submit').addEventListener('click', openSubmit);
  document.getElementById('open-pause').addEventListener('click', () => openPause());
}

let changed = () => {};

async function did(promise) {
  const result = await promise;
  changed();
  return result;
}

function openSubmit() {
  submitForm.open((fields) => did(post('/api/submit', fields)));
}

/** Asks how long and why; for one worker, or without one for the fleet. */
export function openPause(worker = '') {
  setText(
    document.getElementById('pause-title'),
    worker === '' ? 'Pause the fleet' : `Pause worker ${worker}`,
  );
  pauseForm.open((fields) => did(post('/api/pause', { ...fields, ...ofWorker(worker) })));
}

export function resume(worker, account = '') {
  return did(act('/api/resume', account === '' ? ofWorker(worker) : { account }));
}

function ofWorker(worker) {
  return worker === '' ? {} : { worker };
}

/** Retries an issue; one that somebody else started only after a yes. */
export function retry(issue) {
  if (!unowned(issue)) {
    return did(act(`/api/issues/${issue.id}/retry`));
  }
  return confirm({
    title: `Take issue ${issue.id} back?`,
    text: 'It is started, but not by one of these workers. When whoever started it still works on it, it is worked on twice.',
    yes: 'Make it pending',
    path: `/api/issues/${issue.id}/retry`,
    fields: { force: 'true' },
  });
}

/** Cancels an issue, after a yes. */
export function cancel(issue) {
  return confirm({
    title: `Cancel issue ${issue.id}?`,
    text: issue.running
      ? 'Its workflow is stopped, and what the run has done so far may be lost.'
      : 'It is taken out of the queue. A retry puts it back, as the last one.',
    yes: 'Cancel the issue',
    path: `/api/issues/${issue.id}/cancel`,
    fields: {},
  });
}

function confirm({ title, text, yes, path, fields }) {
  setText(document.getElementById('confirm-title'), title);
  setText(document.getElementById('confirm-text'), text);
  setText(document.getElementById('confirm-yes'), yes);
  confirmForm.open(() => did(post(path, fields)));
}

function unowned(issue) {
  return issue.status === 'started' && !issue.running;
}

/** Whether there is something for a retry to do. */
export function retryable(issue, at) {
  const waits = issue.status === 'pending' && issue.fence > 0 && Date.parse(issue.run_after) > at;
  return issue.status === 'failed' || issue.status === 'cancelled' || waits || unowned(issue);
}

/** Whether there is something to cancel, and nobody has asked for it yet. */
export function cancellable(issue) {
  const open = issue.status === 'pending' || issue.running;
  return open && issue.cancel_requested_at === null;
}
