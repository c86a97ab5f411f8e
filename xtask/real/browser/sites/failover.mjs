// Hubs die, are drained and join, and Redis dies, under users who work: two replicas of the router, real servers, and a
// watcher that counts servers in the hubs' own databases ten times a second from the first to the last moment.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agreement, Kernel, Load } from "../failover/beside.mjs";
import { hubAndProxyDie, hubProcessDies, userGoesHome } from "../failover/dying.mjs";
import { Figures } from "../figures.mjs";
import { Fleet, SCALE } from "../failover/fleet.mjs";
import { drainIsAborted, hubIsDrained, hubJoins } from "../failover/operating.mjs";
import { pinIsCleared, usersAreSent } from "../failover/orders.mjs";
import { hubsAreClosed, personAt, serverStillRuns } from "../failover/pages.mjs";
import { redisDies } from "../failover/store.mjs";
import { Visitor } from "../failover/visitor.mjs";
import { eventually } from "../processes.mjs";

/** How many names there are; some of each home are used up. */
const NAMES = 60;
/** Of so many users the replicas are asked in each state. */
const SAMPLE = SCALE === 1 ? 2500 : 110;

export async function run({ places, browser, report }) {
  report.longestBehaviour = 150_000 + 900_000 * (SCALE === 1 ? 1 : 0);
  const homes = join(places.state, "homes");
  const hub = (id, more = {}) => ({ id, environment: "hub-6", homes, activity_seconds: 2, ...more });
  const site = await Fleet.plan(places, {
    hubs: [hub("hub-a"), hub("hub-b"), hub("hub-s", { tier: "standby" }), hub("hub-c", { joins_later: true })],
  });
  await site.prepare();
  const [a, b, standby, later] = site.hubs.values();
  const all = { browser, site, report, hubs: { a, b, standby, later } };
  const run = new Run(all);
  const lab = { atA: run.take(a), atB: run.take(b) };
  await site.start({ lab_users: [lab.atA.name, lab.atB.name], slow_users: run.slow() });

  await report.behaviour("users log in and start at home, their requests going to both replicas in turn", async () => {
    const small = [run.worker, run.runner];
    const hubs = await Promise.all(small.map((visitor) => visitor.works(90)));
    small.forEach((visitor, index) => {
      if (hubs[index] !== run.home(visitor)) throw new Error(`${visitor.name} works at ${hubs[index]}`);
    });
    const kernel = async (visitor, hub, replica) => {
      await visitor.start();
      await eventually(`JupyterLab of ${visitor.name} runs at home`, 90, async () => {
        return (await hub.api("GET", `users/${visitor.name}`)).server;
      });
      return Kernel.of(visitor.name, hub, site, replica);
    };
    const kernels = [kernel(lab.atA, a, 0), kernel(lab.atB, b, 1)];
    const person = personAt(run, a, { works: true });
    await Promise.all([...kernels, person, run.idleA.isLoggedIn(), run.idleB.isLoggedIn()]);
    run.person = await person;
    run.kernels = { atA: await kernels[0], atB: await kernels[1] };
  });

  run.load.add("hub-a, running server", run.worker, `/user/${run.worker.name}/`);
  run.load.add("hub-a, page of an idle user", run.idleA, "/hub/home");
  run.load.add("hub-b, running server", run.runner, `/user/${run.runner.name}/`);
  run.load.add("hub-b, page of an idle user", run.idleB, "/hub/home");
  const compared = [run.worker, run.idleA, run.runner, run.idleB].map(({ name }) => new Visitor(name, site));
  const agreement = new Agreement(site, compared);

  // Going home takes the hubs' own word, twice: something else is done meanwhile.
  const awayAtStandby = await hubProcessDies(run);
  await serverStillRuns(run);
  const idle = await drainIsAborted(run);
  await usersAreSent(run);
  await userGoesHome(run, awayAtStandby, "who was at the standby goes home when their server has stopped");
  await hubAndProxyDie(run);
  await hubIsDrained(run, idle);
  await hubsAreClosed(run);
  await userGoesHome(run, run.worker, "whom an operator's word moved goes home when their server has stopped");
  await redisDies(run);
  await pinIsCleared(run);
  await hubJoins(run);
  await userGoesHome(run, run.sent.pinned, "who was pinned goes home when the pin is cleared");

  await report.behaviour("both replicas led every user to the same hub through all of it", async () => {
    const said = await agreement.ends();
    const { asked, passing, longest_ms } = said;
    run.figures.note("replicas compared about a user", `${asked} times`);
    run.figures.note("... of these different in passing", `${passing}, for ${longest_ms} ms at most`);
    run.figures.note("owners compared", run.compared.join("; "));
    if (run.different.length > 0) throw new Error(run.different.slice(0, 5).join("; "));
  });
  await report.behaviour("each replica took half of one user's requests, by the replicas' own logs", () => {
    const [one, other] = site.routers.map((router) => {
      const lines = router.lines();
      return lines.filter((line) => line.includes(`url.path="/user/${run.worker.name}/"`)).length;
    });
    run.figures.note("requests of one user that each replica answered", `${one} and ${other}`);
    if (one + other < 100 || Math.abs(one - other) > (one + other) / 20) throw new Error(`${one} and ${other}`);
  });
  await run.load.ends();
  await report.behaviour("an outage is written when it begins and when it ends, and not to and fro", () => {
    const written = site.routers.flatMap((router) => router.lines().filter((line) => line.includes('change="outage_')));
    run.figures.note("outages written as begun or ended", `${written.length}`);
    // One plane of a hub, then both planes; a busy machine may add one.
    if (written.length < 6 || written.length > 12) throw new Error(`${written.length} times`);
  });
  await report.behaviour("nobody had servers on two hubs at any moment", () => noDoubles(run));
  run.figures.note("least contrast of a text on the router's pages", Math.min(...run.contrasts).toFixed(1));
  run.figures.print(places.logs);
}

/** By the hubs' own databases, and by a watcher that was awake. */
async function noDoubles({ site, figures, homesOf, needed }) {
  site.watcher.child.kill("SIGTERM");
  await site.watcher.ended;
  const seen = site.seen();
  const end = seen.find((one) => one.kind === "end");
  if (!end) throw new Error(`the watcher ended early: ${site.watcher.lastLines()}`);
  const came = seen.filter((one) => one.kind === "came");
  const doubles = seen.filter((one) => one.kind === "double");
  const moved = new Set(came.filter((one) => !homesOf.get(one.user).has(one.hub)).map((one) => one.user));
  const faults = doubles.filter((one) => !one.exempt);
  figures.note("databases looked at", `${end.looks} times`);
  figures.note("... of these locked", `${end.locked}`);
  figures.note("... a second", (end.looks / end.seconds).toFixed(1));
  figures.note("... longest pause between two looks", `${end.longest_ms} ms`);
  figures.note("servers seen", `${came.length}, of ${new Set(came.map((one) => one.user)).size} users`);
  figures.note("moves needed and made", `${needed.size} and ${moved.size}`);
  figures.note("users on two hubs", `${faults.length}`);
  figures.note("... and because a server was declared lost", `${doubles.length - faults.length}`);
  const needless = [...moved].filter((user) => !needed.has(user));
  if (end.looks / end.seconds < 8) throw new Error(`${end.looks} looks in ${end.seconds} s: not one each 100 ms`);
  if (needless.length > 0) throw new Error(`moved without need: ${needless}`);
  if (came.length < 12) throw new Error("hardly any server was seen: this would show nothing");
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
}

/** What the scenarios share. */
class Run {
  constructor({ browser, site, report, hubs }) {
    Object.assign(this, { browser, site, report, hubs, kernels: {}, compared: [], different: [], contrasts: [] });
    this.figures = new Figures();
    this.figures.note("the router's times", SCALE === 1 ? "the defaults" : "a tenth of the defaults");
    this.load = new Load(site);
    this.spare = site.households(NAMES);
    this.names = this.spare.map(({ name }) => name);
    this.homeOf = new Map(this.spare.map(({ name, home }) => [name, home]));
    this.homesOf = new Map(this.spare.map(({ name, home, next }) => [name, new Set([home, next])]));
    this.needed = new Set();
    this.worker = this.take(hubs.a);
    this.idleA = this.take(hubs.a);
    this.runner = this.take(hubs.b);
    this.idleB = this.take(hubs.b);
    this.slowOnes = new Map([hubs.a, hubs.b].map((hub) => [hub.id, this.take(hub, hubs.later)]));
  }

  /** Somebody whom nobody has taken yet, whose home is `hub`, and `next` once the last hub has joined. */
  take(hub, next = hub) {
    const index = this.spare.findIndex((one) => one.home === hub.id && one.next === next.id);
    if (index < 0) throw new Error(`no name left whose home is ${hub.id}, and then ${next.id}`);
    return new Visitor(this.spare.splice(index, 1)[0].name, this.site);
  }

  /** A name of `hub` that nobody uses. */
  nameOf(hub) {
    return this.spare.find((one) => one.home === hub.id && one.next === hub.id).name;
  }

  /** Like `take`, and their servers take their time to start. */
  takeSlow(hub) {
    return this.slowOnes.get(hub.id);
  }

  slow() {
    return [...this.slowOnes.values()].map((visitor) => visitor.name);
  }

  /** From here on `visitor` has to go to another hub than their home. */
  moves(visitor) {
    this.needed.add(visitor.name);
    return visitor;
  }

  /** Of these users, and of nobody else, two rows in the hubs' databases are no fault. */
  exempts(names) {
    writeFileSync(this.site.exempt, `${names.join("\n")}\n`);
  }

  home(visitor) {
    return this.homeOf.get(visitor.name);
  }

  /** Both replicas say that `visitor` belongs to `hub`. */
  async owns(hub, visitor) {
    const told = await Promise.all([0, 1].map((number) => this.site.told(`/users/${visitor.name}`, number)));
    return told.every(({ owner }) => owner === hub.id);
  }

  async nothingFailedOver(hub) {
    const told = await Promise.all([0, 1].map((number) => this.site.status(hub.id, number)));
    return told.every(({ failed_over, starts, outage }) => !failed_over && !outage && starts.to === "here");
  }

  /** Everybody with a server there now, by the hub's own database. */
  everybodyAt(hub) {
    const there = new Set();
    for (const one of this.site.seen().filter((seen) => seen.hub === hub.id)) {
      if (one.kind === "came") there.add(one.user);
      if (one.kind === "went") there.delete(one.user);
    }
    return [...there];
  }

  /** Both replicas are asked where many users belong; who differs once more, for they read one after the other. */
  async sampleOwners(state) {
    const names = Array.from({ length: SAMPLE }, (_, index) => `somebody-${index}`);
    const differ = async (some) => {
      const both = await Promise.all([0, 1].map((replica) => this.owners(some, replica)));
      return some.filter((_, index) => both[0][index] !== both[1][index]);
    };
    let left = await differ([...this.names, ...names]);
    if (left.length > 0) left = await differ(left);
    this.compared.push(`${this.names.length + names.length} in the state "${state}"`);
    this.different.push(...left.map((name) => `${name}, ${state}`));
  }

  async owners(names, replica) {
    const owners = [];
    for (let from = 0; from < names.length; from += 10) {
      const some = names.slice(from, from + 10).map((name) => this.site.told(`/users/${name}`, replica));
      owners.push(...(await Promise.all(some)).map(({ owner }) => owner));
    }
    return owners;
  }
}
