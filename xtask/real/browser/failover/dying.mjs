// A hub process dies and returns; then the hub and its proxy die together.

import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../processes.mjs";
import { AFTER, DEAD_AFTER, FAILBACK_AFTER, SCALE } from "./fleet.mjs";
import { pageReadsWell, shows, userGivesServerUp } from "./pages.mjs";
import { isTaken, wrong } from "./visitor.mjs";

/** A login takes its time at any scale. */
const UNSCALED = 3; // seconds

/** The hub process of hub-a dies while its proxy, a kernel and servers live. Who stays at the standby is returned. */
export async function hubProcessDies(run) {
  const { site, report, hubs, kernels, figures, load } = run;
  const { a, b, standby } = hubs;
  const [first, second] = [run.take(a), run.take(a)];
  let killed;

  const dies = "new logins land on the standby within failover.after and 15 s of the outage of a killed hub";
  await report.behaviour(dies, async () => {
    await site.does(0, "cordon", b.id, "--reason", "the standby's turn");
    await run.sampleOwners("all is well");
    killed = Date.now();
    await a.die();
    const seen = await detected(run, "hub killed", killed, (hub) => hub.planes.hub.state !== "up");
    await run.sampleOwners("a hub is down");
    const hub = await run.moves(second).works(AFTER + 40);
    const took = (second.landedAt - seen) / 1000;
    const since = ((second.landedAt - killed) / 1000).toFixed(1);
    figures.note("hub killed: a new login and start were taken by the standby after", `${since} s`);
    if (hub !== standby.id) throw new Error(`${second.name} works at ${hub} and not at the standby`);
    const limit = AFTER + 15 * SCALE + UNSCALED;
    if (took > limit) throw new Error(`it took ${took} s, and more than ${limit} s`);
  });

  await report.behaviour("an active hub takes them before the standby as soon as it is open", async () => {
    await run.sampleOwners("a hub is failed over");
    await site.does(0, "resume", b.id, "--reason", "the standby had its turn");
    const hub = await run.moves(first).works(40 + 30 * SCALE);
    if (hub !== b.id) throw new Error(`${first.name} works at ${hub} and not at the next hub, ${b.id}`);
  });

  const computes = "a kernel answers cell by cell while its hub is dead, returns, and takes its users back";
  await report.behaviour(computes, async () => {
    figures.requests("hub killed", load.between(killed));
    const revived = Date.now();
    a.revive();
    await a.up();
    await eventually("users go home again", FAILBACK_AFTER + 30 + 60 * SCALE, () => run.nothingFailedOver(a));
    figures.note("hub back: it takes users again after", `${((Date.now() - revived) / 1000).toFixed(1)} s`);
    const cells = kernels.atA.answeredThroughout(killed);
    figures.note("hub killed and back: cells of its kernel", `${cells.cells}, the slowest ${cells.slowest_ms} ms`);
  });

  const stays = "a user with a server on the standby stays after their hub's return until it stops";
  await report.behaviour(stays, async () => {
    await staysAt(run, second, standby, 20 * SCALE + 1);
    await standby.api("DELETE", `users/${second.name}/server`);
  });
  return second;
}

/** A while after the server of `visitor` has stopped, away from home. */
export async function userGoesHome(run, visitor, name) {
  const home = { id: run.home(visitor) };
  await run.report.behaviour(name, async () => {
    await eventually(`${visitor.name} belongs to ${home.id} again`, 30 + 300 * SCALE, () => run.owns(home, visitor));
    const hub = await visitor.works(40 + 60 * SCALE);
    if (hub !== home.id) throw new Error(`${visitor.name} works at ${hub}`);
  });
}

/** For so long everything leads to where the server runs, at both replicas; a start, too. */
async function staysAt(run, visitor, hub, seconds) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(300)) {
    if (!(await run.owns(hub, visitor))) throw new Error(`${visitor.name} does not belong to ${hub.id} any more`);
    const page = await visitor.open(`/user/${visitor.name}/`);
    if (page.hub !== hub.id || page.status !== 200) throw wrong(`${visitor.name}'s server does not open`, page);
    const start = await visitor.start();
    if (!isTaken(start) || start.hub !== hub.id) throw wrong(`a start does not lead to the server`, start);
  }
}

/** How long each replica takes to see it, and how long until they agree. When the first saw it is returned. */
async function detected({ site, figures }, fault, since, isSeen) {
  const seen = [0, 1].map((number) =>
    eventually(`replica ${number} sees it`, 60, async () => isSeen(await site.status("hub-a", number)) && Date.now()),
  );
  const instants = await Promise.all(seen);
  const times = instants.map((at) => `${((at - since) / 1000).toFixed(1)} s`);
  figures.note(`${fault}: seen by the replicas after`, times.join(" and "));
  await eventually("the outage is agreed", 60, async () => (await site.status("hub-a")).outage !== null);
  figures.note(`${fault}: an agreed outage after`, `${((Date.now() - since) / 1000).toFixed(1)} s`);
  return Math.min(...instants);
}

/** Hub and proxy of hub-a die; a user who worked there is told, moved by an order, and the old server is ended. */
export async function hubAndProxyDie(run) {
  const { site, report, hubs, kernels, figures, load, worker, person } = run;
  const { a } = hubs;
  const idle = run.take(a);
  let killed;
  let moved;

  await report.behaviour("everything of a hub with a dead proxy waits, and a page says so", async () => {
    await idle.isLoggedIn();
    killed = Date.now();
    await Promise.all([a.hub.kill(), a.proxy.kill()]);
    await detected(run, "hub and proxy killed", killed, (hub) => hub.planes.proxy.state === "down");
    for (const path of [`/user/${worker.name}/`, "/hub/home", "/hub/spawn"]) {
      const page = await worker.open(path);
      if (page.status !== 503 || !page.headers["retry-after"]) throw wrong("no waiting page", page);
    }
  });

  await pageReadsWell(run, person, "hub/home", {
    name: "waiting",
    title: "The hub does not answer",
    says: "goes on by itself",
    // One plane may be seen before the other.
    first: () => shows(person, "hub/home", "The hub does not answer"),
  });

  const later = "idle users of a dead hub get another one at failover.dead_after, and not before";
  await report.behaviour(later, async () => {
    const hub = await run.moves(idle).works(DEAD_AFTER + 40);
    const took = (idle.landedAt - killed) / 1000;
    figures.note("hub and proxy killed: a start was taken by another hub after", `${took.toFixed(1)} s`);
    if (hub === a.id) throw new Error(`${idle.name} works at the dead hub`);
    const limit = DEAD_AFTER + (15 + 6) * SCALE + UNSCALED;
    if (took < DEAD_AFTER - 6 * SCALE || took > limit) {
      throw new Error(`it took ${took} s and not ${DEAD_AFTER} to ${limit}`);
    }
  });

  await report.behaviour("a user whose server ran at a dead hub is told honestly and started nowhere", async () => {
    figures.requests("hub and proxy killed", load.between(killed));
    for (const path of [`/user/${worker.name}/`, "/hub/spawn"]) {
      const page = await worker.open(path);
      const words = ["Your hub is gone", "two servers could write into the same files"];
      const isTold = page.status === 503 && words.every((text) => page.body.includes(text));
      if (!isTold) throw wrong("not told honestly", page);
    }
    await person.open(`user/${person.name}/`);
    await person.expect("h1", "Your hub is gone");
    await report.picture(person.page, "hub-gone-nothing-to-do");
    if (!(await run.owns(a, worker))) throw new Error(`${worker.name} was moved`);
  });

  await userGivesServerUp(run);

  await report.behaviour("an operator's word moves the users of a dead hub, and lists them", async () => {
    const dry = await site.does(0, "failover", a.id, "--assume-stopped", "--dry-run", "--reason", "burnt");
    if (!dry.out.includes(worker.name)) throw new Error(`the dry run does not name ${worker.name}: ${dry.out}`);
    if (!(await run.owns(a, worker))) throw new Error("the dry run moved somebody");
    // Before the act, so that the watcher never sees their second row without knowing.
    const { atA } = kernels;
    run.exempts([worker.name, atA.user, ...run.everybodyAt(a)]);
    await site.does(0, "failover", a.id, "--assume-stopped", "--reason", "the machine burnt");
    moved = await eventually("the moved users are listed", 10, async () => {
      const { failed_over } = await site.status(a.id);
      return [worker.name, atA.user].every((name) => failed_over?.moved.includes(name)) && failed_over.moved;
    });
    run.exempts(moved);
    const hub = await run.moves(worker).works(40 + 30 * SCALE);
    if (hub === a.id) throw new Error(`${worker.name} works at the dead hub`);
    figures.note("users moved by --assume-stopped", `${moved.length}: ${moved.join(", ")}`);
  });

  await report.behaviour("the old servers of these users are listed and stopped when the hub returns", async () => {
    const revived = Date.now();
    a.proxy.start();
    a.revive();
    const listed = new Set();
    await eventually("no old server is left", 60 + 120 * SCALE, async () => {
      for (const name of (await site.status(a.id)).stale) listed.add(name);
      const left = await Promise.all(moved.map(async (name) => (await a.api("GET", `users/${name}`)).servers));
      return left.every((servers) => Object.keys(servers).length === 0);
    });
    figures.note("hub and proxy back: old servers stopped after", `${((Date.now() - revived) / 1000).toFixed(1)} s`);
    for (const { name } of [worker, person]) {
      if (!listed.has(name)) throw new Error(`the status names ${[...listed]} and not ${name}`);
    }
    const page = await worker.open(`/user/${worker.name}/`);
    if (page.status !== 200 || page.hub === a.id) throw wrong("the new server was not left alone", page);
    await person.open(`user/${person.name}/`);
    await person.expect("#hub", person.worksAt);
    await person.leaves();
    await kernels.atA.ends();
    await eventually("users go home again", 2 * FAILBACK_AFTER + 30 + 60 * SCALE, () => run.nothingFailedOver(a));
  });
}
