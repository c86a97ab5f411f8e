// Starts processes with a log file each, and ends exactly those. What they leave behind, the keeper ends.

import { spawn } from "node:child_process";
import { openSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** One process of the site, running in `folder` or where this runs. `start` may be called again after `kill`. */
export class Process {
  constructor(name, log, command, args, env = {}, folder = undefined) {
    Object.assign(this, { name, log, command, args, env, folder, child: null });
    mkdirSync(dirname(log), { recursive: true });
  }

  start() {
    const log = openSync(this.log, "a");
    this.child = spawn(this.command, this.args, {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...this.env },
      cwd: this.folder,
    });
    this.ended = new Promise((resolve) => {
      this.child.once("exit", resolve);
      this.child.once("error", resolve);
    });
  }

  alive() {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Ends the process at once, as a crash would. */
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  lastLines(count = 8) {
    return this.lines().slice(-count).join("\n");
  }

  /** What it has printed so far. */
  lines() {
    return readFileSync(this.log, "utf8").trimEnd().split("\n");
  }
}

/** Waits until `url` answers below 400, at most `seconds`; fails at once when `process` has ended. */
export async function answers(url, process, seconds = 60) {
  await eventually(`${process.name} answers at ${url}`, seconds, async () => {
    if (!process.alive()) throw new Fatal(`${process.name} ended at once:\n${process.lastLines()}`);
    const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(2000) });
    return answer.status < 400;
  });
}

/** Ends the waiting of [`eventually`] at once. */
export class Fatal extends Error {}

/** Asks `question` until it says yes, five times a second. An exception counts as no. */
export async function eventually(what, seconds, question) {
  const deadline = Date.now() + seconds * 1000;
  let last = "";
  while (Date.now() < deadline) {
    try {
      const answer = await question();
      if (answer) return answer;
    } catch (error) {
      if (error instanceof Fatal) throw error;
      last = ` (last: ${error.message})`;
    }
    await sleep(200);
  }
  throw new Error(`not within ${seconds} s: ${what}${last}`);
}

/**
 * `count` ports in a row of the loopback address that are free now. Below the range from which systems take the near
 * ends of outgoing connections, or one of those could take a port before its process does.
 */
export async function freePorts(count) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    const row = Array.from({ length: count }, (_, offset) => first + offset);
    if (await areFree(row)) return row;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** All of `ports` can be listened on at once. */
async function areFree(ports) {
  const servers = [];
  try {
    for (const port of ports) {
      const server = createServer();
      await new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", resolve);
      });
      servers.push(server);
    }
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  }
}
