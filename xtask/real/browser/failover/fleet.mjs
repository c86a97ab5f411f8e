// The site of the failover run: hubs that share their users' storage, two replicas of the router, and a real Redis.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { Process, answers, eventually, freePorts } from "../processes.mjs";
import { Site } from "../site.mjs";
import { send } from "./visitor.mjs";

/** The router's times: a tenth of the defaults, or the defaults. */
export const SCALE = process.env.REAL_TIMES === "default" ? 1 : 0.1;

/** Seconds, as in the documentation, at this run's scale. */
export const AFTER = 120 * SCALE;
export const DEAD_AFTER = 180 * SCALE;
/** Not ten minutes at the defaults: a run would take an hour. */
export const FAILBACK_AFTER = SCALE === 1 ? 60 : 2;

const milliseconds = (seconds) => `${Math.round(seconds * 1000)}ms`;

export class Fleet extends Site {
  writeConfig(port) {
    const { state } = this.places;
    const secret = (name) => {
      const file = join(state, name);
      writeFileSync(file, randomBytes(32).toString("hex"), { mode: 0o600 });
      return file;
    };
    for (const hub of this.hubs.values()) {
      writeFileSync(join(state, `${hub.id}.token`), hub.settings.api_token, { mode: 0o600 });
    }
    this.ports = [port];
    this.host = `127.0.0.1:${port}`;
    this.files = { session: secret("session.key"), admin: secret("admin.token") };
    this.adminToken = readFileSync(this.files.admin, "utf8");
    // What `home` asks by.
    this.config = join(state, "first.yaml");
  }

  /** Takes the remaining ports and writes both placements; homes are known afterwards. */
  async prepare() {
    const [second, secondAdmin, redisPort] = await freePorts(3);
    this.ports.push(second);
    this.adminPorts = [this.adminPort, secondAdmin];
    this.redisPort = redisPort;
    const all = [...this.hubs.values()];
    this.firstHubs = all.filter((hub) => !hub.settings.joins_later);
    // What a reload may change.
    Object.assign(this, { hubsInForce: this.firstHubs, selfRescue: false });
    this.nextConfig = join(this.places.state, "next.yaml");
    writeFileSync(this.config, this.configText(0, this.firstHubs));
    writeFileSync(this.nextConfig, this.configText(0, all));
  }

  configText(number, hubs) {
    const { state } = this.places;
    const entry = (hub) => ({
      id: hub.id,
      url: hub.url,
      hub_url: hub.hubUrl,
      api_token: { file: join(state, `${hub.id}.token`) },
      storage: "shared",
      tier: hub.settings.tier ?? "active",
    });
    const scaled = (times) =>
      Object.fromEntries(Object.entries(times).map(([key, seconds]) => [key, milliseconds(seconds * SCALE)]));
    const config = {
      listen: [{ address: `127.0.0.1:${this.ports[number]}` }],
      admin: {
        address: `127.0.0.1:${this.adminPorts[number]}`,
        tokens: [{ role: "admin", token: { file: this.files.admin } }],
      },
      hubs: hubs.map(entry),
      placement: { seed: "the real hubs of the failover run" },
      session: { keys: [{ file: this.files.session }] },
      // As long as may be: a hub on a busy machine is not dead.
      health: { ...scaled({ interval: 5 }), timeout: SCALE === 1 ? "2s" : "500ms" },
      census: scaled({ interval: 10, authority: 60, max_age: 150 }),
      failover: {
        ...scaled({ hold: 60, after: 120, dead_after: 180, freeze_window: 300 }),
        failback_after: milliseconds(FAILBACK_AFTER),
        self_rescue: this.selfRescue,
      },
      directory: { kind: "redis", url: `redis://127.0.0.1:${this.redisPort}` },
      telemetry: { log: { format: "text", level: "debug" } },
    };
    return JSON.stringify(config, null, 2); // JSON is YAML
  }

  /** Names with their homes by the first placement, and by the next one. */
  households(count) {
    const names = Array.from({ length: count }, (_, index) => `user-${String(index).padStart(3, "0")}`);
    const homeAndNext = (name) => [this.config, this.nextConfig].map((config) => this.homeBy(config, name));
    return names.map((name) => {
      const [home, next] = homeAndNext(name);
      return { name, home, next };
    });
  }

  homeBy(config, user) {
    const words = ["explain", user, "--config", config, "--format", "json"];
    const told = spawnSync(this.places.router, words, { encoding: "utf8" });
    if (told.status !== 0) throw new Error(`hubrouter explain ${user}: ${told.stderr}${told.error ?? ""}`);
    return JSON.parse(told.stdout).hub;
  }

  async start({ lab_users = [], slow_users = [] }) {
    const { state, logs, scripts, parts } = this.places;
    mkdirSync(join(state, "redis"), { recursive: true });
    this.redis = new Process("redis", join(logs, "redis.log"), this.places.redis, [
      ...["--port", `${this.redisPort}`, "--bind", "127.0.0.1", "--dir", join(state, "redis")],
      ...["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
    ]);
    this.redis.start();
    const people = { lab_users, slow_users, admins: ["admin"] };
    await Promise.all([...this.hubs.values()].map((hub) => hub.start(people)));
    await this.redisAnswers();
    const database = (hub) => `${hub.id}=${join(hub.settings.state, "jupyterhub.sqlite")}`;
    const databases = [...this.hubs.values()].map(database);
    this.exempt = join(state, "exempt.txt");
    this.sightings = join(logs, "servers.jsonl");
    this.watcher = new Process("watcher", join(logs, "watcher.log"), "python3", [
      join(scripts, "hub/watcher.py"),
      ...[this.sightings, this.exempt, ...databases],
    ]);
    this.watcher.start();
    this.python = join(parts, "hub-6/bin/python");
    this.routers = this.ports.map((_, number) => this.newRouter(number));
    for (const router of this.routers) router.start();
    for (const [number, router] of this.routers.entries()) {
      await answers(`http://127.0.0.1:${this.adminPorts[number]}/readyz`, router, 40);
    }
  }

  newRouter(number) {
    const config = this.routerConfig(number);
    const log = join(this.places.logs, `router-${number + 1}.log`);
    return new Process(`router ${number + 1}`, log, this.places.router, ["serve", "--config", config]);
  }

  /** The configuration of one router as it is to be now. */
  routerConfig(number) {
    const config = join(this.places.state, `router-${number + 1}.yaml`);
    writeFileSync(config, this.configText(number, this.hubsInForce));
    return config;
  }

  /** All hubs stand in the configuration from now on. */
  everybodyJoins() {
    this.hubsInForce = [...this.hubs.values()];
    this.reload();
  }

  /** Users of a dead hub may give their servers up from now on. */
  allowSelfRescue() {
    this.selfRescue = true;
    this.reload();
  }

  reload() {
    for (const [number, router] of this.routers.entries()) {
      this.routerConfig(number);
      router.child.kill("SIGHUP");
    }
  }

  async redisAnswers() {
    await eventually("redis answers", 20, () => {
      return new Promise((resolve) => {
        const socket = createConnection(this.redisPort, "127.0.0.1", () => socket.write("PING\r\n"));
        socket.on("data", (answer) => resolve(socket.end() && `${answer}`.startsWith("+PONG")));
        socket.on("error", () => resolve(false));
      });
    });
  }

  /** Redis comes back without anything it was told. */
  forgetRedis() {
    rmSync(join(this.places.state, "redis"), { recursive: true, force: true });
    mkdirSync(join(this.places.state, "redis"), { recursive: true });
  }

  /** What stands at `path` of a replica's admin API. */
  async told(path, number = 0) {
    const headers = { Authorization: `Bearer ${this.adminToken}` };
    const answer = await send({ host: "127.0.0.1", port: this.adminPorts[number], path, headers });
    if (answer.status !== 200) throw new Error(`${path} at replica ${number}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  }

  /** A hub's part of the status. */
  async status(id, number = 0) {
    return (await this.told("/status", number)).hubs.find((hub) => hub.id === id);
  }

  /** Runs a command against a replica: exit code and what it said. */
  async command(line, number = 0, token = this.adminToken) {
    const child = spawn(this.places.router, line, {
      env: {
        ...process.env,
        HUBROUTER_TOKEN: token,
        HUBROUTER_ADMIN_URL: `http://127.0.0.1:${this.adminPorts[number]}`,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (part) => (out += part));
    child.stderr.on("data", (part) => (err += part));
    const code = await new Promise((resolve) => child.once("close", resolve));
    return { code, out, err, line: line.join(" ") };
  }

  /** A command that must end with `code`. */
  async does(code, ...line) {
    const said = await this.command(line);
    if (said.code !== code) {
      throw new Error(`hubrouter ${said.line}: exit code ${said.code} and not ${code}: ${said.err}${said.out}`);
    }
    return said;
  }

  /** What the watcher has seen so far. */
  seen() {
    return readFileSync(this.sightings, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }
}
