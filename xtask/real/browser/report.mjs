// One named line per behaviour; what failed leaves its pages behind as pictures.

import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const MOST_REDIRECTS = 6;
const LONGEST_BEHAVIOUR = 150_000; // ms

export class Report {
  constructor(places, browser) {
    Object.assign(this, { places, browser, failed: 0, current: null, longest: 0, navigations: 0 });
    this.longestBehaviour = LONGEST_BEHAVIOUR;
    mkdirSync(places.screenshots, { recursive: true });
  }

  /** Runs one behaviour and prints its line. `steps` throws when the behaviour is not there. */
  async behaviour(name, steps) {
    const began = Date.now();
    this.current = { name, problems: [] };
    this.log(`\n===== ${name}`);
    let timer;
    const late = new Promise((_, reject) => {
      const tooLate = () => reject(new Error(`took longer than ${this.longestBehaviour / 1000} s`));
      timer = setTimeout(tooLate, this.longestBehaviour);
    });
    try {
      await Promise.race([steps(), late]);
      if (this.current.problems.length > 0) throw new Error(this.current.problems.join("; "));
      console.log(`ok      ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED  ${name}: ${oneLine(error.message)}`);
      this.log(error.stack);
      await this.picturesOfEverything(name);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The last line of each site: all its navigations together. */
  async redirectsLine() {
    await this.behaviour(`no navigation takes more than ${MOST_REDIRECTS} redirects`, async () => {
      this.log(`${this.navigations} navigations, the longest with ${this.longest} redirects`);
      if (this.navigations === 0) throw new Error("no navigation was seen");
      if (this.longest > MOST_REDIRECTS) throw new Error(`one took ${this.longest}`);
    });
  }

  /** A finished navigation of a main frame: its addresses in order. */
  navigated(chain) {
    const redirects = chain.length - 1;
    this.navigations += 1;
    this.longest = Math.max(this.longest, redirects);
    if (redirects > MOST_REDIRECTS) {
      this.current?.problems.push(`${redirects} redirects: ${chain.join(" -> ")}`);
    }
  }

  /** A part of a page could not be had. */
  missed(url) {
    this.current?.problems.push(`not found: ${url}`);
  }

  log(line) {
    appendFileSync(join(this.places.logs, "browser.log"), `${line}\n`);
  }

  /** A picture worth looking at: the waiting page, the page after logout, ... */
  async picture(page, name) {
    await page.screenshot({ path: join(this.places.screenshots, `${name}.png`) });
  }

  async picturesOfEverything(name) {
    const title = name.replace(/[^a-z0-9]+/gi, "-").slice(0, 60);
    let number = 0;
    for (const context of this.browser.contexts()) {
      for (const page of context.pages()) {
        number += 1;
        this.log(`page ${number}: ${page.url()}`);
        const path = join(this.places.screenshots, `FAILED-${title}-${number}.png`);
        await page.screenshot({ path, timeout: 5000 }).catch((error) => this.log(error.message));
      }
    }
  }
}

function oneLine(text) {
  const coloured = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
  return text.replace(coloured, "").replace(/\s+/g, " ").slice(0, 900);
}
