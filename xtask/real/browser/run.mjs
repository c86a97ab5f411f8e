// Drives one site with a real browser:  run.mjs SITE
//
// Where things are comes in the environment (set by `cargo xtask`): REAL_PARTS, REAL_ROUTER, REAL_CHROMIUM, and
// REAL_OUTPUT for logs, pictures and the hubs' state; REAL_REDIS where a site needs a redis-server. Prints one line
// per behaviour; the exit code says whether all were there. Runs below keeper.py, which ends what this leaves behind.

import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Report } from "./report.mjs";

const name = process.argv[2];
const parts = resolve(process.env.REAL_PARTS);
const output = resolve(process.env.REAL_OUTPUT);
const places = {
  parts,
  router: resolve(process.env.REAL_ROUTER),
  redis: process.env.REAL_REDIS,
  scripts: dirname(dirname(fileURLToPath(import.meta.url))),
  state: join(output, "state", name),
  logs: join(output, "logs", name),
  screenshots: join(output, "screenshots", name),
};

const { chromium } = createRequire(join(parts, "node/"))("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.REAL_CHROMIUM,
  // Nothing is fetched that the test did not ask for; root has no sandbox of its own.
  args: [
    ...["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    ...["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
    ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
  ],
});
const report = new Report(places, browser);
try {
  const { run, browses = true } = await import(`./sites/${name}.mjs`);
  await run({ places, browser, report });
  if (browses) await report.redirectsLine();
} catch (error) {
  report.failed += 1;
  console.log(`FAILED  the site "${name}" cannot be used: ${error.message}`);
  report.log(error.stack);
}
await browser.close();
process.exit(report.failed === 0 ? 0 : 1);
