/* How issues, attempts and leases are shown in every view. */
import { element, setAttribute, setText } from './dom.js';
import { between, brief, full, now } from './times.js';
import { line } from './text.js';

const KINDS = {
  pending: 'info',
  started: 'busy',
  running: 'busy',
  working: 'busy',
  completed: 'good',
  idle: 'good',
  failed: 'bad',
  timed_out: 'bad',
  output_limit: 'bad',
  lost: 'bad',
  gone: 'bad',
  cancelled: 'plain',
  interrupted: 'warn',
  throttled: 'warn',
  not_started: 'warn',
  draining: 'warn',
  handing_over: 'warn',
  paused: 'warn',
  stopped: 'plain',
};

/** A word with the colour of what it means; the word alone says it all. */
export function badge() {
  const node = element('span', { class: 'badge' });
  return {
    node,
    update(word) {
      setText(node, line(word, 40).replaceAll('_', ' '));
      setAttribute(node, 'class', `badge ${KINDS[word] ?? 'plain'}`);
    },
  };
}

/** When something of it happens or happened, as the list says it. */
export function when(issue) {
  const at = now();
  switch (issue.status) {
    case 'pending':
      if (issue.run_after === null) {
        return 'never';
      }
      return Date.parse(issue.run_after) > at
        ? `in ${brief(between(at, issue.run_after))}`
        : `due for ${brief(between(issue.run_after, at))}`;
    case 'started':
      return issue.started_at === null ? '\u2013' : `for ${brief(between(issue.started_at, at))}`;
    default: {
      const end = issue.completed_at ?? issue.updated_at;
      return end === null ? '\u2013' : `${brief(between(end, at))} ago`;
    }
  }
}

/** A <time> that says an age and, to who points at it, the time itself. */
export function moment() {
  const node = element('time');
  return {
    node,
    update(time, text) {
      setText(node, text);
      setAttribute(node, 'datetime', time ?? false);
      setAttribute(node, 'title', time === null ? false : full(time));
    },
  };
}

/** How much is left of a lease. */
export function margin() {
  const meter = element('meter', { min: 0, 'aria-label': 'Lease left' });
  const text = element('span', { class: 'nowrap' });
  return {
    node: element('span', { class: 'margin' }, meter, text),
    update(left, lease) {
      setAttribute(meter, 'max', lease);
      setAttribute(meter, 'low', lease / 2);
      setAttribute(meter, 'high', lease * 0.75);
      setAttribute(meter, 'optimum', lease);
      setAttribute(meter, 'value', Math.max(0, Math.min(lease, Math.round(left))));
      setText(text, left > 0 ? `lease ${brief(left)} left` : `lease over for ${brief(-left)}`);
    },
  };
}
