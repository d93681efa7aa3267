/*
 * Which view is shown, and how it stays fresh: one request after the other, a second apart, less often
 * while the server cannot be reached, and none while nobody looks.
 */
import { arm, resume, say } from './actions.js';
import { get, post, Refused, session, Unreachable } from './api.js';
import { element, keyed, setAttribute, setText, show } from './dom.js';
import { IssueView } from './issue.js';
import { IssuesView } from './issues.js';
import { line } from './text.js';
import { between, brief, clock, full, hear, now, zone } from './times.js';
import { OverviewView } from './overview.js';
import { WorkersView } from './workers.js';

const LONGEST_WAIT = 15000;
const SELDOM = 5000;
const OLD = 5;

const main = document.getElementById('main');
const connection = document.getElementById('connection');
const freshness = document.getElementById('freshness');

let view = null;
let route = '';
let every = 1000;
let csrfKnown = false;
let latest = null;
let overviewAt = -Infinity;
let answeredAt = null;
let trouble = null;
let retryAt = 0;
let flight = new AbortController();
let wake = () => {};
let woken = false;

/* The views. */

const VIEWS = [
  { path: /^\/$/, name: '/', make: () => new OverviewView() },
  { path: /^\/issues$/, name: '/issues', make: () => new IssuesView() },
  { path: /^\/issues\/(\d{1,19})$/, name: '/issues', make: (id) => new IssueView(id, ask) },
  { path: /^\/workers$/, name: '/workers', make: () => new WorkersView() },
];

function navigate(focus) {
  const [path, query = ''] = (location.hash.slice(1) || '/').split('?', 2);
  const target = VIEWS.find((one) => one.path.test(path)) ?? VIEWS[0];
  if (path !== route) {
    route = path;
    view = target.make(...(target.path.exec(path) ?? []).slice(1));
    main.replaceChildren(view.node);
    for (const link of document.querySelectorAll('#views a')) {
      setAttribute(
        link,
        'aria-current',
        link.getAttribute('href') === `#${target.name}` ? 'page' : false,
      );
    }
    scrollTo(0, 0);
    if (focus) {
      view.heading.focus({ preventScroll: true });
    }
  }
  view.route(new URLSearchParams(query));
  if (latest !== null) {
    view.overview(latest);
  }
  title();
  flight.abort();
  hurry();
}

function title() {
  document.title = `${view.title} \u2013 Cape Worker`;
}

/* Staying fresh. */

function ask(path) {
  return get(path, flight.signal);
}

async function refresh() {
  if (!csrfKnown) {
    about(await session(flight.signal));
    csrfKnown = true;
  }
  if (view.everyOverview || performance.now() - overviewAt >= SELDOM || trouble !== null) {
    renderOverview(await ask('/api/overview'));
    overviewAt = performance.now();
  }
  await view.refresh(ask);
  title();
}

async function keepFresh() {
  let failures = 0;
  for (;;) {
    await looking();
    flight = new AbortController();
    woken = false;
    let wait = every; // the server itself sees to it that looking costs the database little
    try {
      await refresh();
      answeredAt = now();
      failures = 0;
      back();
      renderFreshness();
    } catch (error) {
      if (!flight.signal.aborted) {
        failures++;
        wait = Math.max(
          Math.min(LONGEST_WAIT, every * 2 ** (failures - 1)),
          (error.wait ?? 0) * 1000,
        );
        retryAt = Date.now() + wait;
        went(error);
      }
    }
    await pause(wait);
  }
}

function looking() {
  return document.hidden
    ? new Promise((resolve) =>
        document.addEventListener('visibilitychange', resolve, { once: true }),
      ).then(looking)
    : Promise.resolve();
}

function pause(wait) {
  if (woken) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, wait);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** Looks again at once. */
function hurry() {
  woken = true;
  wake();
}

function changed() {
  overviewAt = -Infinity;
  hurry();
}

/* What is wrong. */

function went(error) {
  if (!(error instanceof Unreachable) && !(error instanceof Refused)) {
    console.error(error); // a mistake of this page
  }
  if (error instanceof Refused && error.status === 401) {
    csrfKnown = false;
  }
  const kind = kindOf(error);
  if (trouble?.kind !== kind) {
    say(sentence(kind), { bad: true });
  }
  trouble = { kind, message: error.message };
  renderConnection();
}

function kindOf(error) {
  if (error instanceof Unreachable) {
    return 'server';
  }
  if (error.status === 401) {
    return 'session';
  }
  return error.status === 503 ? 'database' : 'refused';
}

function sentence(kind) {
  switch (kind) {
    case 'server':
      return 'The dashboard server does not answer.';
    case 'session':
      return 'You are logged out.';
    case 'database':
      return 'The database is away.';
    default:
      return 'The dashboard server refuses.';
  }
}

function back() {
  if (trouble !== null && trouble.of !== 'overview') {
    say(trouble.kind === 'database' ? 'The database is back.' : 'The dashboard server is back.');
    trouble = null;
  }
  renderConnection();
}

function renderConnection() {
  show(connection, trouble !== null);
  setAttribute(document.body, 'class', trouble === null ? false : 'stale');
  if (trouble === null) {
    return;
  }
  const seen = asOf();
  const since =
    seen === null ? '' : ` What you see is from ${full(seen)}, ${brief(between(seen, now()))} ago.`;
  const again =
    retryAt > Date.now() ? ` Next try in ${brief((retryAt - Date.now()) / 1000 + 1)}.` : '';
  const cause =
    trouble.kind === 'server' || trouble.kind === 'session' ? '' : ` ${line(trouble.message, 400)}`;
  const parts = [`${sentence(trouble.kind)}${cause}${since}${again} `];
  setNotice(parts.join(''), trouble.kind === 'session');
}

const notice = document.createTextNode('');
const login = element('a', { href: '/login', target: '_blank', rel: 'noopener' }, 'Log in again');
connection.append(notice, login);

function setNotice(text, loggedOut) {
  if (notice.data !== text) {
    notice.data = text;
  }
  show(login, loggedOut);
}

function asOf() {
  return latest === null ? answeredAt : Date.parse(latest.as_of);
}

/* What every view shows. */

function renderOverview(overview) {
  if (overview.database_ok) {
    hear(overview.as_of);
    if (trouble?.of === 'overview') {
      say('The database is back.');
      trouble = null;
    }
  } else {
    if (trouble?.kind !== 'database') {
      say(sentence('database'), { bad: true });
    }
    trouble = { kind: 'database', message: overview.error ?? '', of: 'overview' };
    retryAt = 0;
  }
  if (!overview.issues) {
    return; // unavailable since before the first look
  }
  announceGone(overview);
  latest = overview;
  renderPauses(overview.pauses);
  renderWarnings(overview.warnings);
  view.overview(overview);
}

/** A worker that is not heard of any more is announced once; the warning stays. */
function announceGone(overview) {
  const silent = (one) =>
    one.workers
      .filter((worker) => !worker.alive && worker.state !== 'stopped')
      .map((worker) => worker.id);
  const before = latest === null ? [] : silent(latest);
  const gone = silent(overview).filter((id) => !before.includes(id));
  if (latest !== null && gone.length > 0) {
    say(`Not heard of any more: ${gone.map((id) => `worker ${line(id, 100)}`).join(', ')}.`, {
      bad: true,
    });
  }
}

function paused(pause) {
  if (pause.account !== null) {
    return `Account ${line(pause.account, 100)}`;
  }
  return pause.worker === null ? 'The fleet' : `Worker ${line(pause.worker, 100)}`;
}

function pauseEnd(pause) {
  switch (pause.phase) {
    case 'probe':
      return 'was paused; its next run finds out whether that is over';
    case 'probing':
      return 'was paused; one run finds out whether that is over';
    case 'ramp':
    case 'full':
      return 'was paused; the rate of claims grows again';
    default:
      return pause.until === null
        ? 'is paused until it is resumed'
        : `is paused until ${clock(pause.until)}, ${brief(between(now(), pause.until))} left`;
  }
}

function renderPauses(pauses) {
  keyed(
    document.getElementById('pauses'),
    pauses,
    (pause) => (pause.account === null ? (pause.worker ?? '*') : `account:${pause.account}`),
    (pause) => {
      const who = paused(pause);
      const text = element('span', {});
      const button = element(
        'button',
        {
          type: 'button',
          'aria-label': `Resume ${who.toLowerCase()}`,
          onclick: () => resume(pause.worker ?? '', pause.account ?? ''),
        },
        'Resume',
      );
      return {
        node: element('li', { class: 'notice warn' }, text, button),
        update(fresh) {
          const reason = fresh.reason === null ? '' : `: ${line(fresh.reason, 300)}`;
          const source = fresh.issue_id === null ? '' : ` (issue ${fresh.issue_id})`;
          setText(text, `${who} ${pauseEnd(fresh)}${reason}${source}`);
        },
      };
    },
  );
}

function renderWarnings(warnings) {
  const numbered = warnings.map((text, index) => ({ text, index }));
  keyed(
    document.getElementById('warnings'),
    numbered,
    (warning) => warning.index,
    () => {
      const node = element('li', { class: 'notice warn' });
      return { node, update: ({ text }) => setText(node, line(text, 600)) };
    },
  );
}

function renderFreshness() {
  const seen = asOf();
  const seconds = seen === null ? 0 : between(seen, now());
  const live = trouble === null && seen !== null && seconds <= OLD + SELDOM / 1000;
  setText(freshness, seen === null ? 'Connecting \u2026' : live ? 'Live' : `${brief(seconds)} old`);
  setAttribute(freshness, 'class', `freshness${live ? ' live' : trouble === null ? '' : ' old'}`);
  if (trouble !== null) {
    renderConnection();
  }
}

function about(begun) {
  every = begun.poll_ms ?? every;
  setText(
    document.getElementById('about'),
    `Cape Worker ${line(begun.version, 40)}. Times are those of ${zone()}.`,
  );
  show(document.getElementById('log-out'), begun.login);
}

async function logOut() {
  try {
    await post('/api/logout');
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) {
      say(error.message, { bad: true });
      return;
    }
  }
  location.assign('/login');
}

arm(changed);
document.getElementById('log-out').addEventListener('click', logOut);
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault(); // the address names the view
  view.heading.focus();
});
addEventListener('hashchange', () => navigate(true));
addEventListener('online', hurry);
setInterval(() => document.hidden || renderFreshness(), 1000);
navigate(false);
keepFresh();
