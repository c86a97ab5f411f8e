// One real JupyterHub with its own proxy, database and cookie secret. Hub and proxy can die alone.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { Process, answers, freePorts } from "./processes.mjs";

export class Hub {
  /** `settings`: id, environment ("hub-6"), base_url, and what hub/jupyterhub_config.py reads. */
  static async create(places, settings) {
    const [proxy_port, proxy_api_port, hub_port, whoami_port] = await freePorts(4);
    const state = join(places.state, settings.id);
    mkdirSync(join(state, "home"), { recursive: true });
    const hub = new Hub();
    hub.settings = {
      state,
      proxy_port,
      proxy_api_port,
      hub_port,
      whoami_port: settings.serves_whoami ? whoami_port : null,
      proxy_token: randomBytes(16).toString("hex"),
      api_token: randomBytes(16).toString("hex"),
      ...settings,
    };
    hub.places = places;
    hub.id = settings.id;
    hub.url = `http://127.0.0.1:${proxy_port}`;
    hub.hubUrl = `http://127.0.0.1:${hub_port}`;
    return hub;
  }

  /** Starts proxy and hub, and waits until both answer. `people` names who gets JupyterLab, who is slow, who is admin. */
  async start(people) {
    const { settings, places } = this;
    Object.assign(settings, people);
    const file = join(settings.state, "hub.json");
    writeFileSync(file, JSON.stringify(settings, null, 2));
    const bin = join(places.parts, settings.environment, "bin");
    this.proxy = new Process(
      `proxy of ${this.id}`,
      join(places.logs, `${this.id}-proxy.log`),
      process.execPath,
      [
        join(places.parts, "node/node_modules/configurable-http-proxy/bin/configurable-http-proxy"),
        ...["--ip", "127.0.0.1", "--port", `${settings.proxy_port}`],
        ...["--api-ip", "127.0.0.1", "--api-port", `${settings.proxy_api_port}`],
        ...["--error-target", `${this.hubUrl}${settings.base_url}hub/error`],
      ],
      { CONFIGPROXY_AUTH_TOKEN: settings.proxy_token },
    );
    this.hub = new Process(
      this.id,
      join(places.logs, `${this.id}.log`),
      join(bin, "jupyterhub"),
      ["-f", join(places.scripts, "hub/jupyterhub_config.py")],
      { REAL_HUB: file, PATH: `${bin}:${process.env.PATH}` },
    );
    this.proxy.start();
    this.hub.start();
    await this.up();
  }

  /** The hub answers through its proxy. */
  async up() {
    await answers(`${this.url}${this.settings.base_url}hub/health`, this.hub);
  }

  /** The hub process dies; proxy, notebook servers and kernels live. */
  async die() {
    await this.hub.kill();
  }

  /** Starts the hub process again, without waiting for it. */
  revive() {
    this.hub.start();
  }

  /** Calls the hub's REST API with the service token, past the router. */
  async api(method, path, body) {
    const answer = await fetch(`${this.hubUrl}${this.settings.base_url}hub/api/${path}`, {
      method,
      headers: { Authorization: `token ${this.settings.api_token}` },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${this.id}: ${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Some notebook in `user`'s home directory holds `text`. */
  hasSaved(user, text) {
    const home = join(this.settings.state, "home", user);
    const notebooks = readdirSync(home).filter((name) => name.endsWith(".ipynb"));
    return notebooks.some((name) => readFileSync(join(home, name), "utf8").includes(text));
  }

  cookieSecret() {
    return readFileSync(join(this.settings.state, "cookie_secret"), "utf8").trim();
  }
}
