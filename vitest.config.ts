import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/architecture/**/*.test.ts"],
          pool: "threads",
          // Nothing that these files load keeps state, and loading it once takes a third of the time.
          isolate: false,
          // One less than there are cores unless told.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "real",
          include: ["test/{contract,integration,e2e}/**/*.test.ts"],
          globalSetup: ["test/support/globalSetup.ts"],
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
