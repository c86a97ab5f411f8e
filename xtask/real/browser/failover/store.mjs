// Redis is killed under load: once it comes back with what it knew, once with nothing.

import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../processes.mjs";
import { AFTER, SCALE } from "./fleet.mjs";
import { isTaken, wrong } from "./visitor.mjs";

export async function redisDies(run) {
  const { site, report, hubs, figures, load } = run;
  const { a, b } = hubs;

  await report.behaviour("no request fails while Redis is dead, starts at calm homes included", async () => {
    await calm(run, [a, b]);
    const before = await generation(run);
    const starters = [run.take(a), run.take(b), run.take(a), run.take(b), run.take(a)];
    await Promise.all(starters.map((visitor) => visitor.isLoggedIn()));
    const killed = Date.now();
    await site.redis.kill();
    let taken = await starts(starters.slice(0, 2), run);
    await eventually("the replicas know that it is silent", 10 + 20 * SCALE, async () =>
      (await site.told("/status")).directory.reachable === false);
    figures.note("redis killed: noticed after", `${((Date.now() - killed) / 1000).toFixed(1)} s`);
    taken += await starts(starters.slice(2, 4), run);
    figures.note("redis killed: starts taken at home at once", `${taken} of 4`);
    if (taken < 3) throw new Error(`only ${taken} of 4 starts were taken`);
    // After `failover.after` the others may have given the hub up: a start waits for the directory, and says so.
    await sleep(Math.max(0, killed + (AFTER + 10 * SCALE) * 1000 - Date.now()));
    if (await starts(starters.slice(4), run) > 0) throw new Error("a start was taken after a long silence");
    const failed = load.notAnswered(killed);
    figures.requests("redis killed", load.between(killed));
    if (failed.length > 0) throw new Error(`${failed.length} requests failed: ${JSON.stringify(failed[0])}`);
    const answered = Object.values(load.between(killed)).map((row) => row.answered);
    if (answered.length < 4 || Math.min(...answered) < AFTER) throw new Error(`hardly any load: ${answered} requests`);
    site.redis.start();
    const back = Date.now();
    await inStep(run, before, "redis back");
    figures.note("redis back: in step after", `${((Date.now() - back) / 1000).toFixed(1)} s`);
  });

  await report.behaviour("a Redis that comes back empty is given back what it knew", async () => {
    const before = await generation(run);
    const killed = Date.now();
    await site.redis.kill();
    site.forgetRedis();
    site.redis.start();
    await site.redisAnswers();
    const back = Date.now();
    await inStep(run, before, "redis back empty");
    figures.note("redis back empty: in step after", `${((Date.now() - back) / 1000).toFixed(1)} s`);
    const failed = load.notAnswered(killed);
    if (failed.length > 0) throw new Error(`${failed.length} requests failed: ${JSON.stringify(failed[0])}`);
    // Claims are given again: somebody starts away from home.
    await site.does(0, "drain", b.id, "--reason", "claims work");
    const mover = run.moves(run.take(b));
    const hub = await mover.works(40 + 60 * SCALE);
    if (hub === b.id) throw new Error(`${mover.name} works at the hub that is drained`);
    await site.does(0, "resume", b.id, "--reason", "claims work");
  });
}

/**
 * Starts at home that nobody has to be asked for. One whose hub missed a probe meanwhile has to wait for the directory,
 * and is not taken at the first try: how many were is returned.
 */
async function starts(visitors, run) {
  let atOnce = 0;
  for (const visitor of visitors) {
    const page = await visitor.start();
    if (isTaken(page)) atOnce += 1;
    else if (page.status !== 503 || !page.headers["retry-after"]) throw wrong(`${visitor.name}'s start failed`, page);
    else continue;
    const hub = await visitor.arrives();
    if (hub !== run.home(visitor)) throw new Error(`${visitor.name} works at ${hub}`);
  }
  return atOnce;
}

/** The hubs' starts go home unasked again. */
async function calm(run, hubs) {
  const { site } = run;
  for (const hub of hubs) {
    const somebody = run.nameOf(hub);
    await eventually(`starts at ${hub.id} go there unasked`, 30 + 60 * SCALE, async () => {
      const told = await Promise.all([0, 1].map((number) => site.told(`/users/${somebody}`, number)));
      return told.every(({ start }) => start.includes("at once"));
    });
  }
}

/** The placement in force. */
async function generation({ site }) {
  return (await site.told("/status")).placement.generation;
}

/** Both replicas reach the store, with the placement as `before`, and know who is away from home. */
async function inStep(run, before, what) {
  const { site } = run;
  await eventually(`${what}: both replicas are in step`, 30 + 60 * SCALE, async () => {
    const told = await Promise.all([0, 1].map((number) => site.told("/status", number)));
    return told.every(({ directory, placement, replicas }) => {
      const live = replicas.filter((replica) => replica.live).length === 2;
      return directory.reachable && !directory.behind && placement.generation === before && live;
    });
  });
  // Records of users who are at home end meanwhile, as they should; whoever is away stays known.
  const known = [run.away, { visitor: run.sent.pinned, hub: run.hubs.standby }];
  for (const { visitor, hub } of known) {
    const knows = await run.owns(hub, visitor);
    if (!knows) throw new Error(`${what}: ${visitor.name} does not belong to ${hub.id} any more`);
  }
  await run.sampleOwners(what);
}
