// What goes on beside the scenarios: a kernel that computes, page requests that never stop, and the question whether
// both replicas agree.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Process, eventually } from "../processes.mjs";

/** Milliseconds: a cell that takes longer was held up by more than a busy machine. */
const SLOWEST = 5000;

/** A kernel of `user` that runs cell after cell over one WebSocket through a replica. */
export class Kernel {
  static async of(user, hub, site, replica = 0) {
    const kernel = new Kernel();
    const { token } = await hub.api("POST", `users/${user}/tokens`, { note: "cells" });
    kernel.file = join(site.places.logs, `kernel-${user}.jsonl`);
    Object.assign(kernel, { user, hub });
    kernel.process = new Process(
      `kernel of ${user}`,
      join(site.places.logs, `kernel-${user}.log`),
      site.python,
      [join(site.places.scripts, "hub/kernel.py"), `http://127.0.0.1:${site.ports[replica]}`, user, kernel.file],
      { KERNEL_TOKEN: token },
    );
    kernel.process.start();
    await eventually(`the kernel of ${user} computes`, 60, () => kernel.cells().length > 2);
    return kernel;
  }

  lines() {
    return readFileSync(this.file, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  cells() {
    return this.lines().filter((line) => line.cell !== undefined);
  }

  /** Every cell since `from` has answered, rightly, at this hub and over the first socket; returns how it went. */
  answeredThroughout(from) {
    const lines = this.lines();
    const closed = lines.find((line) => line.cell === undefined);
    if (closed) throw new Error(`the socket of ${this.user} was closed: ${JSON.stringify(closed)}`);
    const cells = lines.filter((line) => line.at >= from);
    const wrong = lines.find((line) => line.text !== `${line.cell * line.cell} ${this.hub.id}`);
    if (wrong) throw new Error(`a cell of ${this.user} printed ${wrong.text}`);
    const seconds = (Date.now() - from) / 1000;
    // Five in two seconds where the machine has nothing else to do.
    if (cells.length < seconds / 2) throw new Error(`only ${cells.length} cells of ${this.user} in ${seconds} s`);
    const slowest_ms = Math.max(...cells.map((cell) => cell.ms));
    if (slowest_ms > SLOWEST) throw new Error(`a cell of ${this.user} took ${slowest_ms} ms`);
    return { cells: cells.length, slowest_ms };
  }

  async ends() {
    if (this.process.alive()) await this.process.kill();
  }
}

/** Requests that go on and on, each kind by a visitor of its own. */
export class Load {
  constructor(site) {
    Object.assign(this, { site, answers: [], sources: [], stopped: false });
  }

  /** Asks for `path` as `visitor`, about three times a second, until told otherwise. */
  add(label, visitor, path) {
    const source = { label, stopped: false };
    const run = async () => {
      while (!this.stopped && !source.stopped) {
        const began = Date.now();
        const answer = await visitor.open(path);
        const { status, hub } = answer;
        // Only what went wrong is read again.
        const body = status > 0 && status < 400 ? "" : answer.body.slice(0, 2000);
        this.answers.push({ label, at: began, ms: Date.now() - began, status, hub, body });
        await sleep(300);
      }
    };
    source.done = run();
    this.sources.push(source);
    return source;
  }

  async remove(source) {
    source.stopped = true;
    await source.done;
  }

  /** By kind: how many were answered, had to wait, failed, between two instants. */
  between(from, to = Date.now()) {
    const table = {};
    for (const { label, at, status } of this.answers.filter((one) => one.at >= from && one.at < to)) {
      const row = (table[label] ??= { answered: 0, waiting: 0, failed: 0 });
      if (status === 503) row.waiting += 1;
      else if (status === 0 || status >= 400) row.failed += 1;
      else row.answered += 1;
    }
    return table;
  }

  /** Everything that was not answered as wanted. */
  notAnswered(from, to = Date.now()) {
    return this.answers.filter((one) => one.at >= from && one.at < to && (one.status === 0 || one.status >= 400));
  }

  async ends() {
    this.stopped = true;
    await Promise.all(this.sources.map((source) => source.done));
  }
}

/** Asks both replicas the same, all the time: about these users, what answers now, and where they belong. */
export class Agreement {
  constructor(site, visitors) {
    Object.assign(this, { site, visitors, asked: 0, passing: 0, longest_ms: 0, disagreed: [], stopped: false });
    this.done = this.run();
  }

  async run() {
    while (!this.stopped) {
      for (const visitor of this.visitors) {
        const failed = (error) => this.disagreed.push(`${visitor.name}: ${error.message}`);
        if (!this.stopped) await this.about(visitor).catch(failed);
      }
      await sleep(200);
    }
  }

  /** Two that differ for a moment have read the directory one after the other; longer is a fault. */
  async about(visitor) {
    let first;
    for (;;) {
      const [one, other] = await this.both(visitor);
      this.asked += 1;
      if (one === other) {
        if (first) this.longest_ms = Math.max(this.longest_ms, Date.now() - first);
        return;
      }
      first ??= Date.now();
      this.passing += 1;
      if (Date.now() - first > 2000) {
        this.disagreed.push(`${visitor.name}: ${one} and ${other}`);
        return;
      }
      await sleep(50);
    }
  }

  both(visitor) {
    visitor.jar.clear(); // a server gives each stranger one more cookie
    return Promise.all(
      this.site.ports.map(async (_, replica) => {
        const [page, told] = await Promise.all([
          visitor.ask(`/user/${visitor.name}/`, { replica, script: true }),
          this.site.told(`/users/${visitor.name}`, replica),
        ]);
        if (!page.hub || !told.owner) {
          throw new Error(`replica ${replica} does not say: ${page.status} ${told.owner}`);
        }
        return `${page.hub}, belongs to ${told.owner}`;
      }),
    );
  }

  async ends() {
    this.stopped = true;
    await this.done;
    if (this.disagreed.length > 0) throw new Error(`replicas disagree: ${this.disagreed.slice(0, 5).join("; ")}`);
    return { asked: this.asked, passing: this.passing, longest_ms: this.longest_ms };
  }
}
