import type { App } from "../app.ts";
import { systemClock } from "../clock.ts";
import type { CredentialRef } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import { askStatus, type StatusAnswer } from "./askStatus.ts";
import type { CommandContext, ExitCode, Terminal } from "./context.ts";
import { withApp } from "./openApp.ts";
import type { CommandOptions } from "./program.ts";
import { drawStatus, span } from "./statusTable.ts";
import { styleFor } from "./style.ts";

export interface StatusOptions extends CommandOptions {
  readonly watch: boolean;
  readonly url?: string;
  readonly tokenFile?: string;
}

const EVERY_MS = 2_000;

/** `status`: what the daemon knows of stores, releases, queue and watches; with --watch until it is interrupted. */
export async function statusCommand(options: StatusOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  return await withApp("plan", options, context, async (app): Promise<ExitCode> => {
    const url = urlOf(options.url ?? `http://127.0.0.1:${app.config.program.http.port}`);
    const token = (await app.credential(tokenRef(options, app))()).reveal();
    const first = await askStatus(url, token, signal);
    if (first.kind === "none") {
      terminal.err(`helmwarden: ${first.why}\n`);
      return 1;
    }
    if (options.watch) await watch(first, () => askStatus(url, token, signal), options, context);
    else terminal.out(options.output === "json" ? json(first, 2) : draw(first, terminal, undefined));
    return 0;
  });
}

async function watch(
  first: StatusAnswer & { kind: "page" },
  ask: () => Promise<StatusAnswer>,
  { output }: StatusOptions,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const show = output === "json" ? terminal.out : inPlace(terminal);
  let last = first;
  let lost: { readonly at: number; readonly why: string } | undefined;
  while (!signal.aborted) {
    if (output === "json") show(lost === undefined ? json(last) : "");
    else {
      const silent =
        lost === undefined ? "" : `${span(systemClock.monotonic() - lost.at)} without an answer. ${lost.why}\n`;
      const room = terminal.rows === undefined ? undefined : terminal.rows - (silent === "" ? 1 : 4);
      show(`${draw(last, terminal, room)}${silent}`);
    }
    const answer = await systemClock.sleep(EVERY_MS, signal).then(ask, () => undefined);
    if (answer?.kind === "page") [last, lost] = [answer, undefined];
    else if (answer !== undefined) lost ??= { at: systemClock.monotonic(), why: answer.why };
  }
}

/** Draws each text over the last one; line after line where there is no terminal. */
function inPlace({ out, rows }: Terminal): (text: string) => void {
  if (rows === undefined) return out;
  let height = 0;
  return (text) => {
    // Lines are not wrapped meanwhile: one too long would make the height wrong.
    out(`${height === 0 ? "" : `\r\u001B[${height}A\u001B[J`}\u001B[?7l${text}\u001B[?7h`);
    height = text.split("\n").length - 1;
  };
}

function draw({ page }: StatusAnswer & { kind: "page" }, terminal: Terminal, rows: number | undefined): string {
  const { color, columns } = terminal;
  return drawStatus(page, { now: systemClock.now(), style: styleFor(color), columns, rows });
}

function json({ page }: StatusAnswer & { kind: "page" }, indent?: number): string {
  return `${JSON.stringify({ command: "status", ...page }, undefined, indent)}\n`;
}

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username + url.password !== "") {
    throw new HelmwardenError("UsageInvalid", "--url must be like http://127.0.0.1:8080, without credentials.");
  }
  return `${url.origin}${url.pathname.replace(/\/$/, "")}`;
}

function tokenRef({ tokenFile }: StatusOptions, { config }: App): CredentialRef {
  const ref = tokenFile === undefined ? config.program.http.token : { fromFile: tokenFile };
  if (ref !== undefined) return ref;
  throw new HelmwardenError(
    "UsageInvalid",
    "The configuration has no `http.token`, so the daemon's status is closed. Set it, or give the token of another daemon with --token-file.",
  );
}
