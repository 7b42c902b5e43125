import { HelmwardenError } from "../errors.ts";

/** The oldest minor of each major that helmwarden is tested with. */
const OLDEST: Readonly<Record<number, number>> = { 3: 17, 4: 1 };

/** Reads what `helm version --template {{.Version}}` prints. HelmUnsupported for what is too old or no version. */
export function requireSupported(printed: string): string {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(printed.trim()) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) {
    throw new HelmwardenError(
      "HelmUnsupported",
      "The program does not print a helm version. Set HELM_BIN to helm 3.17+ or 4.1+.",
    );
  }
  const oldest = OLDEST[Number(major)];
  if (oldest === undefined || Number(minor) < oldest) {
    throw new HelmwardenError(
      "HelmUnsupported",
      `helm ${major}.${minor} is not supported: install helm 3.17+ or 4.1+, or set HELM_BIN to one.`,
    );
  }
  return `${major}.${minor}.${patch}`;
}
