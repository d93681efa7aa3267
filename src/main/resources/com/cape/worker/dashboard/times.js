/* Times of the server, shown on the reader's clock. */

let ahead = 0;
let newest = '';

/** Takes a time of the server that was read just now: ages are counted by its clock. */
export function hear(time) {
  if (time !== newest) {
    newest = time;
    ahead = Date.parse(time) - Date.now();
  }
}

/** The server's time, in milliseconds. */
export function now() {
  return Date.now() + ahead;
}

/** From a time until another one, in seconds; never less than none. */
export function between(from, to) {
  return Math.max(0, (millis(to) - millis(from)) / 1000);
}

function millis(time) {
  return typeof time === 'number' ? time : Date.parse(time);
}

/** Seconds in their two largest units: 3d 4h, 5m 06s, 7s. */
export function brief(seconds) {
  const whole = Math.floor(Math.max(0, seconds));
  const two = (number) => String(number).padStart(2, '0');
  if (whole >= 86400) {
    return `${Math.floor(whole / 86400)}d ${Math.floor((whole % 86400) / 3600)}h`;
  }
  if (whole >= 3600) {
    return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
  }
  if (whole >= 60) {
    return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  }
  return `${whole}s`;
}

/** Short spans, where a tenth of a second counts: 40 ms, 2.4 s, 5m 06s. */
export function fine(seconds) {
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  return seconds < 60 ? `${seconds.toFixed(1)} s` : brief(seconds);
}

export function age(time, at = now()) {
  return `${brief(between(time, at))} ago`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** 14:05, as the reader's clock has it. */
export function clock(time) {
  return CLOCK.format(new Date(time));
}

/** 2026-11-24 09:30:00, as the reader's clock has it. */
export function full(time) {
  const date = new Date(time);
  const two = (number) => String(number).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

export function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
