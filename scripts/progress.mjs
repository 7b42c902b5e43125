// Shows what is being prepared, how far it is and how long it will take: bars on a terminal, plain lines elsewhere.

const plainEvery = 10_000;
const redrawEvery = 200;

/** `stream` is where it is drawn; `env` decides about colour. */
export function createProgress(stream = process.stderr, env = process.env) {
  const items = new Map();
  const terminal = Boolean(stream.isTTY) && env.TERM !== "dumb";
  const paint = terminal && !env.NO_COLOR ? (code, words) => `\x1b[${code}m${words}\x1b[0m` : (_code, words) => words;
  let drawn = 0;
  const timer = setInterval(terminal ? redraw : sayAll, terminal ? redrawEvery : plainEvery);
  timer.unref();

  function redraw() {
    const width = stream.columns || 80;
    const lines = [...items.values()].map((item) => clip(bar(item), width - 1, item.state === "failed" ? 31 : 32));
    lines.push(clip(summary([...items.values()]), width - 1, 2));
    stream.write((drawn > 0 ? `\x1b[${drawn}A` : "") + lines.map((line) => `\x1b[2K${line}\n`).join(""));
    drawn = lines.length;
  }

  function clip(words, width, code) {
    return paint(code, words.length > width ? `${words.slice(0, width - 1)}…` : words);
  }

  function sayAll() {
    for (const item of items.values()) if (item.state === "running") stream.write(`${plain(item)}\n`);
  }

  return {
    start(name, title, expected) {
      items.set(name, { title, expected, started: Date.now(), fraction: 0, note: "", state: "running" });
      if (!terminal) stream.write(`${title}: started, usually takes ${duration(expected)}\n`);
    },
    update(name, change) {
      Object.assign(items.get(name), change);
    },
    finish(name, state) {
      const item = items.get(name);
      Object.assign(item, { state, took: secondsSince(item.started) });
      if (!terminal)
        stream.write(`${item.title}: ${state === "failed" ? "failed" : "ready"} after ${duration(item.took)}\n`);
    },
    close() {
      clearInterval(timer);
      if (terminal && items.size > 0) redraw();
    },
  };
}

/** Trusts the usual duration at first, and more and more the measured pace. */
export function remainingSeconds({ started, expected, fraction }, now = Date.now()) {
  const elapsed = (now - started) / 1000;
  if (fraction <= 0) return Math.max(1, expected - elapsed);
  const byPace = (elapsed / fraction) * (1 - fraction);
  const byHabit = Math.max(0, expected - elapsed);
  return Math.max(1, fraction * byPace + (1 - fraction) * byHabit);
}

function fractionOf(item) {
  if (item.state !== "running") return 1;
  const elapsed = secondsSince(item.started);
  return Math.min(0.99, item.fraction > 0 ? item.fraction : elapsed / Math.max(item.expected, elapsed + 1));
}

function bar(item) {
  const name = item.title.padEnd(31);
  if (item.state === "failed") return `${name} failed after ${duration(item.took)}`;
  if (item.state === "ready") return `${name} ready in ${duration(item.took)}`;
  const fraction = fractionOf(item);
  const full = Math.round(fraction * 20);
  const left = `${duration(remainingSeconds(item))} left`;
  return `${name} [${"█".repeat(full)}${"·".repeat(20 - full)}] ${percent(fraction)}  ${left.padEnd(10)} ${item.note}`;
}

function plain(item) {
  const note = item.note ? `, ${item.note}` : "";
  return `${item.title}: ${percent(fractionOf(item)).trim()}, about ${duration(remainingSeconds(item))} left${note}`;
}

function summary(items) {
  const running = items.filter((item) => item.state === "running");
  const ready = items.filter((item) => item.state === "ready").length;
  if (running.length === 0) return `${ready} of ${items.length} ready`;
  const left = Math.max(...running.map((item) => remainingSeconds(item)));
  return `${ready} of ${items.length} ready, about ${duration(left)} left. This is done once; the next start takes it from the cache.`;
}

function percent(fraction) {
  return `${Math.floor(fraction * 100)} %`.padStart(5);
}

function duration(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}

function secondsSince(started) {
  return (Date.now() - started) / 1000;
}
