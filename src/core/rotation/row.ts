import type { RotationWindow } from "./policy.ts";
import type { Decision } from "./schedule.ts";

/** One policy as `helmwarden rotation status` shows it. */
export interface RotationRow {
  readonly name: string;
  readonly namespace: string;
  /** As formatRef writes it. */
  readonly secret: string;
  readonly owner: string | undefined;
  readonly ageMs: number | undefined;
  readonly lastRotated: Date | undefined;
  readonly dueAt: Date | undefined;
  readonly nextAt: Date | undefined;
  /** As formatWindow writes it. */
  readonly window: string | undefined;
  /** `refused`: it must not be rotated; the message says why, and what to do instead. */
  readonly state: Decision["state"] | "refused";
  /** Of a rotation under way. */
  readonly step: string | undefined;
  /** Past its deadline: due for too long, or begun too long ago. */
  readonly late: boolean;
  readonly message: string | undefined;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** `0 2 * * 6 for 4h, Europe/Berlin` */
export function formatWindow({ cron, durationMs, timezone }: RotationWindow): string {
  return `${cron} for ${formatDuration(durationMs)}, ${timezone}`;
}

/** As a configuration would say it: `1h30m`. Less than a second is left out. */
export function formatDuration(ms: number): string {
  let rest = ms;
  const parts = UNITS.map(([unit, size]) => {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    return amount === 0 ? "" : `${amount}${unit}`;
  });
  return parts.join("") || "0s";
}
