// What the census costs a hub with many users, at the default times: how long the hub took for its answers, by its own log,
// and its processor time with and without. No browser, and no part of every run: a quarter of an hour of measuring.

import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Figures } from "../figures.mjs";
import { Process, answers, eventually } from "../processes.mjs";
import { Site } from "../site.mjs";

export const browses = false;

const USERS = 5000;
const WITH_SERVER = 500;
/** So many users are made by one call, and so many servers started side by side. */
const AT_ONCE = { users: 250, starts: 10 };
/** Seconds of each measurement: five questions of the census, and one look of the hub at its own routes. */
const WINDOW = 300;
/** Seconds for the hub to come to rest before each. */
const REST = 20;
/** Of one core: what the census may take of its hub, by either way to count. */
const MOST = 0.02;
/** Ticks of the processor's clock in a second, as /proc counts. */
const TICKS = 100;

export async function run({ places, report }) {
  report.longestBehaviour = 1000 * (WINDOW + 600);
  const servers = await everyServer();
  const site = await CountedSite.plan(places, {
    hubs: [{ id: "hub-a", environment: "hub-6", fake_servers_port: servers.address().port }],
  });
  const [hub] = site.hubs.values();
  await hub.start({ lab_users: [], slow_users: [], admins: [] });
  const figures = new Figures();
  let alone;

  await report.behaviour("a hub is filled with 5,000 users, 500 of whom have a server", async () => {
    const began = Date.now();
    const names = Array.from({ length: USERS }, (_, index) => `user-${String(index).padStart(4, "0")}`);
    for (let from = 0; from < USERS; from += AT_ONCE.users) {
      await hub.api("POST", "users", { usernames: names.slice(from, from + AT_ONCE.users) });
    }
    const waiting = names.slice(0, WITH_SERVER);
    const starter = async () => {
      for (let name = waiting.pop(); name; name = waiting.pop()) await hub.api("POST", `users/${name}/server`);
    };
    await Promise.all(Array.from({ length: AT_ONCE.starts }, starter));
    await eventually("all servers run", 120, async () => Object.keys(await site.routes(hub)).length > WITH_SERVER);
    figures.note("filled in", `${((Date.now() - began) / 1000).toFixed(0)} s`);
  });

  await report.behaviour("the hub's own work is measured while the router only probes it", async () => {
    const { cpu } = await site.measured(hub, {});
    alone = cpu;
    figures.note("hub with 5,000 users and 500 servers, probed only: of a core", percent(cpu));
  });

  const counts = "the census counts every server, and costs the hub at most two hundredths of a core";
  const throughHub = await census(counts, { api_token: true }, "census, routes asked of the hub");
  await census(
    "asking the proxy for its routes leaves the hub less to do",
    { api_token: true, proxy_api: true },
    "census, routes asked of its proxy",
    ({ busy }) => {
      if (busy > throughHub.busy) throw new Error(`${percent(busy)} and not below ${percent(throughHub.busy)}`);
    },
  );
  figures.print(places.logs);
  servers.close();

  /** One measurement with the census, as a behaviour. */
  async function census(name, keys, label, check = () => {}) {
    const result = {};
    await report.behaviour(name, async () => {
      const { cpu, said, questions, busy } = await site.measured(hub, keys);
      result.busy = busy;
      figures.note(`${label}: the hub's time for its answers, by its log`, percent(busy));
      // The grain of this one is coarse: the hub's own work is not the same in every window.
      figures.note(`${label}: processor time, beside that`, percent(cpu - alone));
      figures.note(`${label}: its own word`, `${said.took_ms} ms, every ${said.every_seconds.toFixed(0)} s`);
      const { took_ms, every_seconds } = said.sightings;
      figures.note(`${label}: the routes`, `${took_ms} ms, every ${every_seconds.toFixed(0)} s`);
      figures.note(`${label}: questions to the hub's API in ${WINDOW} s`, `${questions}`);
      if (said.users !== WITH_SERVER) throw new Error(`it counts ${said.users} users with a server`);
      if (!(busy > 0)) throw new Error("the hub's log does not say how long it took");
      const cost = Math.max(busy, cpu - alone);
      if (cost > MOST) throw new Error(`it costs ${percent(cost)} of a core`);
      check(result);
    });
    return result;
  }
}

/** One hub in front of which a router runs only while something is measured. */
class CountedSite extends Site {
  writeConfig(port) {
    this.port = port;
  }

  configure(hub, { api_token = false, proxy_api = false }) {
    const { state } = this.places;
    const token = (name, text) => {
      const file = join(state, name);
      writeFileSync(file, text, { mode: 0o600 });
      return { file };
    };
    const entry = { id: hub.id, url: hub.url, hub_url: hub.hubUrl };
    if (api_token) entry.api_token = token("hub.token", hub.settings.api_token);
    const proxy = `http://127.0.0.1:${hub.settings.proxy_api_port}`;
    if (proxy_api) entry.proxy_api = { url: proxy, token: token("proxy.token", hub.settings.proxy_token) };
    // Nothing but addresses: every time is the default.
    const config = {
      listen: [{ address: `127.0.0.1:${this.port}` }],
      admin: { address: `127.0.0.1:${this.adminPort}` },
      hubs: [entry],
      placement: { seed: "the census of the test" },
      telemetry: { log: { format: "text", level: "info" } },
    };
    const file = join(state, "hubrouter.yaml");
    writeFileSync(file, JSON.stringify(config, null, 2)); // JSON is YAML
    return file;
  }

  /** The part of a core that the hub takes beside a router with these keys, and what that router says of its census. */
  async measured(hub, keys) {
    const log = join(this.places.logs, `router-${Object.keys(keys).join("-") || "probes"}.log`);
    const config = this.configure(hub, keys);
    const router = new Process("router", log, this.places.router, ["serve", "--config", config]);
    router.start();
    await answers(`http://127.0.0.1:${this.adminPort}/readyz`, router, 60);
    await sleep(REST * 1000);
    const before = { ticks: ticks(hub), at: Date.now(), lines: hub.hub.lines().length };
    await sleep(WINDOW * 1000);
    const seconds = (Date.now() - before.at) / 1000;
    const cpu = (ticks(hub) - before.ticks) / TICKS / seconds;
    const asked = hub.hub.lines().slice(before.lines).filter((line) => / GET \S*\/hub\/api\/(users|proxy)/.test(line));
    const took = asked.map((line) => Number(/ ([\d.]+)ms$/.exec(line)?.[1]));
    const busy = took.reduce((sum, one) => sum + one, 0) / 1000 / seconds;
    const status = await (await fetch(`http://127.0.0.1:${this.adminPort}/status`)).json();
    await router.kill();
    return { cpu, said: status.hubs[0].census, questions: asked.length, busy };
  }

  /** The routes of the hub's proxy. */
  async routes(hub) {
    const headers = { Authorization: `token ${hub.settings.proxy_token}` };
    return (await fetch(`http://127.0.0.1:${hub.settings.proxy_api_port}/api/routes`, { headers })).json();
  }
}

/** Answers for every server: it is up. */
async function everyServer() {
  const server = createServer((_request, answer) => {
    answer.setHeader("X-JupyterHub-Version", "6.1.1");
    answer.end("{}");
  });
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  return server;
}

/** Processor time of the hub since it began. */
function ticks(hub) {
  // The command's name may hold spaces: what follows its bracket are the fields from the third on.
  const fields = readFileSync(`/proc/${hub.hub.child.pid}/stat`, "utf8").split(") ").pop().split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

const percent = (share) => `${(share * 100).toFixed(2)} %`;
