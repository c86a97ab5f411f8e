// Operators at work: a hub is drained with a notebook in it, and a hub joins while servers run and start.

import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../processes.mjs";
import { SCALE } from "./fleet.mjs";
import { isTaken, wrong } from "./visitor.mjs";

/** Seconds that a drain gives to servers, and after how many without activity one is idle. */
const DEADLINE = 60 * SCALE;
const IDLE_FOR = 80 * SCALE;

const seconds = (count) => `${Math.round(count)}s`;

/** hub-b is drained while a notebook runs there, and taken back. Who works there now is returned. */
export async function drainIsAborted(run) {
  const { site, report, hubs, kernels, figures } = run;
  const { b } = hubs;
  const began = Date.now();

  await report.behaviour("a drain is planned, and nothing that is not there is aborted", async () => {
    await site.does(0, "drain", b.id, "--dry-run", "--reason", "new kernel");
    if ((await site.status(b.id)).intent !== "active") throw new Error("the dry run drained");
    const nothing = await site.does(1, "drain", b.id, "--abort");
    const unknown = await site.does(1, "drain", "hub-x");
    if (!unknown.err.includes("hub-x") || !unknown.err.includes(b.id)) throw new Error(unknown.err);
    if (!nothing.err.includes("refused")) throw new Error(nothing.err);
    const stranger = await site.command(["drain", b.id], 0, "a wrong token");
    if (stranger.code !== 2 || (await site.status(b.id)).intent !== "active") {
      throw new Error(`a wrong token: exit code ${stranger.code}: ${stranger.err}`);
    }
  });

  const drained = "a hub is drained: its notebook works, idle users start elsewhere, status says how far it is";
  await report.behaviour(drained, async () => {
    await site.does(0, "drain", b.id, "--reason", "new kernel");
    const again = await site.command(["drain", b.id, "--reason", "me too"], 1);
    if (again.code !== 1 || !again.err.includes("already")) {
      throw new Error(`a second drain: ${again.code} ${again.err}`);
    }
    const mover = run.moves(run.take(b));
    const hub = await mover.works(40 + 30 * SCALE);
    if (hub === b.id) throw new Error(`${mover.name} was started at the hub that is drained`);
    await run.sampleOwners("a hub is drained");
    const { drain } = await eventually("the drain counts", 20 + 60 * SCALE, async () => {
      const said = await site.status(b.id, 1);
      return said.drain?.running >= 2 && said.drain.moved >= 1 && said;
    });
    if (drain.drained || drain.users < 2) throw new Error(JSON.stringify(drain));
    figures.note("drain, with its notebooks", JSON.stringify(drain));
    kernels.atB.answeredThroughout(began);
  });

  let idle;
  await report.behaviour("an abort ends a drain at once", async () => {
    await site.does(0, "drain", b.id, "--abort", "--reason", "not today");
    if ((await site.status(b.id)).intent !== "active") throw new Error("it is still drained");
    idle = run.take(b);
    const hub = await idle.works(40 + 30 * SCALE);
    if (hub !== b.id) throw new Error(`${idle.name} works at ${hub}`);
    await site.does(1, "drain", b.id, "--abort");
  });
  return idle;
}

/** hub-b is drained to the end while a notebook runs there, and a server that nobody uses: that of `idle`. */
export async function hubIsDrained(run, idle) {
  const { site, report, hubs, kernels, figures, load } = run;
  const { b } = hubs;
  const began = Date.now();

  await report.behaviour("at the deadline of a drain idle servers are stopped, and none that works", async () => {
    const stops = ["--deadline", seconds(DEADLINE), "--at-deadline", "stop-idle", "--idle-for", seconds(IDLE_FOR)];
    await site.does(0, "drain", b.id, ...stops, "--reason", "today after all");
    const ordered = Date.now();
    await saysHowFar(run, b);
    const runs = async ({ name }) => {
      const { server, pending } = await b.api("GET", `users/${name}`);
      return server !== null || pending !== null;
    };
    if (!(await runs(idle))) throw new Error("an idle server was stopped before the deadline");
    // The hub is asked once in a while only.
    const patience = DEADLINE + 30 + 90 * SCALE;
    await eventually(`the server of ${idle.name} is stopped`, patience, async () => !(await runs(idle)));
    const took = (Date.now() - ordered) / 1000;
    if (took < DEADLINE) throw new Error(`it was stopped after ${took} s and not after ${DEADLINE}`);
    figures.note(`drain with a deadline of ${DEADLINE} s: an idle server was stopped after`, `${took.toFixed(1)} s`);
    for (const one of [run.runner, { name: kernels.atB.user }]) {
      if (!(await runs(one))) throw new Error(`the server of ${one.name} was stopped, which is in use`);
    }
    const hub = await run.moves(idle).works(40 + 30 * SCALE);
    if (hub === b.id) throw new Error(`${idle.name} was started at the hub that is drained`);
    run.away = { visitor: idle, hub: { id: hub } };
    const cells = kernels.atB.answeredThroughout(began);
    figures.note("drain: cells of the notebook meanwhile", `${cells.cells}, the slowest ${cells.slowest_ms} ms`);
    figures.requests("drain", load.between(began));
  });

  await report.behaviour("a hub is drained when its last server has stopped", async () => {
    if ((await site.status(b.id)).drain.drained) throw new Error("drained, although servers run");
    await kernels.atB.ends();
    await Promise.all(run.everybodyAt(b).map((name) => b.api("DELETE", `users/${name}/server`)));
    const stopped = Date.now();
    await eventually("it is drained", 30 + 180 * SCALE, async () => (await site.status(b.id)).drain?.drained);
    const took = ((Date.now() - stopped) / 1000).toFixed(1);
    figures.note("drain: known to be over after the last server's end", `${took} s`);
    await site.does(0, "resume", b.id, "--reason", "the new kernel works");
    for (const visitor of [run.take(b), run.runner]) {
      await eventually(`${visitor.name} belongs to ${b.id}`, 30 + 300 * SCALE, () => run.owns(b, visitor));
      const hub = await visitor.works(40 + 60 * SCALE);
      if (hub !== b.id) throw new Error(`${visitor.name} works at ${hub}`);
    }
  });
}

/** Every replica says how far the drain is, and so do the commands for people. */
async function saysHowFar({ site, figures }, hub) {
  for (const replica of [0, 1]) {
    const { drain } = await eventually(`replica ${replica} says how far the drain is`, 30 + 90 * SCALE, async () => {
      const said = await site.status(hub.id, replica);
      const known = ["users", "moved", "running", "idle_seconds", "deadline_in_seconds", "eta_seconds"];
      return said.drain && known.every((name) => typeof said.drain[name] === "number") && said;
    });
    if (drain.running < 2 || drain.users < drain.running) throw new Error(JSON.stringify(drain));
    if (replica === 0) figures.note("drain with a deadline, as its status says it", JSON.stringify(drain));
  }
  for (const command of ["status", "hubs"]) {
    const { out } = await site.does(0, command);
    const line = out.split("\n").find((one) => one.startsWith(`${hub.id} drain: `)) ?? "";
    const words = ["users", "moved", "running", "idle", "deadline in", "eta"];
    const missing = words.filter((word) => !line.includes(`${word} `));
    if (missing.length > 0) throw new Error(`hubrouter ${command} does not say ${missing}, but: ${line || out}`);
  }
}

/** hub-c joins: some whose servers run or start would belong to it from now on. */
export async function hubJoins(run) {
  const { site, report, hubs, figures, load } = run;
  const { a, b, later } = hubs;
  const running = [run.take(a, later), run.take(b, later)];
  const pending = [a, b].map((hub) => run.takeSlow(hub, later));
  const starting = [run.take(a, later), run.take(b, later), run.take(a, later)];
  const homes = new Map([...running, ...pending, ...starting].map((visitor) => [visitor, run.home(visitor)]));
  let began;

  await report.behaviour("a hub joins while servers run and start, and nobody changes hub", async () => {
    const ranAt = await Promise.all(running.map((visitor) => visitor.works(40 + 60 * SCALE)));
    for (const [index, hub] of ranAt.entries()) {
      if (hub !== homes.get(running[index])) throw new Error(`${running[index].name} works at ${hub}`);
    }
    await Promise.all([...pending, ...starting].map((visitor) => visitor.isLoggedIn()));
    const asked = await Promise.all(pending.map((visitor) => visitor.start()));
    const refused = asked.find((page) => !isTaken(page));
    if (refused) throw wrong("a start was not taken", refused);
    for (const [index, hub] of [a, b].entries()) {
      const { pending: state } = await hub.api("GET", `users/${pending[index].name}`);
      if (state !== "spawn") throw new Error(`the start of ${pending[index].name} is not pending, but ${state}`);
    }
    began = Date.now();
    site.everybodyJoins();
    // Some start while it is announced and activated.
    const late = starting.map(async (visitor, index) => {
      await sleep(index * 400);
      return visitor.works(40 + 120 * SCALE);
    });
    await eventually("the new placement is active", 30 + 240 * SCALE, async () => {
      const told = await Promise.all([0, 1].map((number) => site.told("/status", number)));
      return told.every(({ placement }) => placement.generation === 2 && !placement.next && !placement.waits);
    });
    figures.note("a hub joins: its placement is active after", `${((Date.now() - began) / 1000).toFixed(1)} s`);
    for (const visitor of [...running, ...pending]) {
      const hub = await visitor.arrives();
      if (hub !== homes.get(visitor)) throw new Error(`${visitor.name} was at ${homes.get(visitor)} and is at ${hub}`);
      if (!(await run.owns({ id: hub }, visitor))) throw new Error(`${visitor.name} does not belong to ${hub}`);
    }
    figures.note("a hub joins: starts during it landed at", (await Promise.all(late)).join(", "));
    figures.requests("a hub joins", load.between(began));
    await run.sampleOwners("a hub has joined");
  });

  await report.behaviour("a new user of the joined hub starts there", async () => {
    const one = run.take(a, later);
    const hub = await one.works(40 + 60 * SCALE);
    if (hub !== later.id) throw new Error(`${one.name} works at ${hub}`);
  });
}
