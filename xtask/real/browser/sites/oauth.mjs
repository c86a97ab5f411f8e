// Two hubs whose users log in at an OAuth provider, without ever seeing a login page of a hub.

import { join } from "node:path";
import { LAB, cellSaysHub, labIsOpen, newNotebook } from "../lab.mjs";
import { Person } from "../person.mjs";
import { Process, answers, freePorts } from "../processes.mjs";
import { Site } from "../site.mjs";

export async function run({ places, browser, report }) {
  const [port] = await freePorts(1);
  // Another host name than the site's: cookies do not know ports.
  const provider = `http://localhost:${port}`;
  const site = await Site.plan(places, {
    hubs: [
      { id: "hub-a", environment: "hub-6", serves_whoami: true },
      { id: "hub-b", environment: "hub-6" },
    ],
    services: { whoami: "hub-a" },
    provider,
  });
  const process = new Process("provider", join(places.logs, "provider.log"), join(places.parts, "hub-6/bin/python"), [
    join(places.scripts, "hub/provider.py"),
    `${port}`,
  ]);
  process.start();
  await answers(`${provider}/seen`, process);
  const [a, b] = site.hubs.values();
  const names = { atA: site.userAt(a), atB: site.userAt(b), admin: site.userAt(a), tabs: site.userAt(b) };
  await site.start({ lab_users: [names.atB], admins: [names.admin] });

  const everybody = { browser, site, report };
  const loginPages = async () => (await (await fetch(`${provider}/seen`)).json()).login_pages;
  let worker;

  await report.behaviour("OAuth users log in without a second login page, whichever hub was asked first", async () => {
    const askedFirst = new Set();
    // Which hub a stranger meets first is the router's choice: until both cases were there.
    for (let round = 0; round < 5 && askedFirst.size < 2; round += 1) {
      for (const [name, hub] of [
        [names.atA, a],
        [names.atB, b],
      ]) {
        const before = await loginPages();
        const person = await Person.with(name, everybody);
        await person.open("hub/home");
        askedFirst.add((await hubOfTheFlow(person)) === hub.id ? "their home" : "the other hub");
        await logsInAtProvider(person);
        await person.arrives("hub/home");
        await person.isAtHome(hub);
        const shown = (await loginPages()) - before;
        if (shown !== 1) throw new Error(`${name} saw ${shown} login pages`);
        if (name === names.atB && !worker) worker = person;
        else await person.leaves();
      }
    }
    if (askedFirst.size < 2) throw new Error(`only this case came up: ${[...askedFirst]} was asked first`);
  });

  await report.behaviour("an OAuth user opens JupyterLab and runs a cell at home", async () => {
    await worker.page.click("#start");
    await labIsOpen(worker, worker.name);
    await newNotebook(worker);
    await cellSaysHub(worker, b);
  });

  await report.behaviour("an admin works in another user's server on the other hub without a password", async () => {
    const admin = await Person.with(names.admin, everybody);
    await admin.open("hub/home");
    await logsInAtProvider(admin);
    await admin.isAtHome(a);
    const before = await loginPages();
    await visits(admin, names.atB, b);
    await admin.isAtHome(a);
    if ((await loginPages()) !== before) throw new Error("the provider asked again");
    await admin.leaves();
  });

  await report.behaviour("an admin logged in nowhere works in another user's server after one login page", async () => {
    const before = await loginPages();
    const admin = await Person.with(names.admin, everybody);
    await admin.open(`user/${names.atB}/lab`);
    await logsInAtProvider(admin);
    await admin.agreesOnTheWayTo(LAB);
    await labIsOpen(admin, names.atB);
    await newNotebook(admin);
    await cellSaysHub(admin, b);
    await admin.isAtHome(a);
    if ((await loginPages()) - before !== 1) throw new Error("there was a second login page");
    await admin.leaves();
  });

  // Pairs of pages whose logins run at two hubs, at one hub, and in both orders.
  const pairs = [
    ["at two hubs, the first tab first", "services/whoami/", "hub/home", [0, 1]],
    ["at two hubs, the second tab first", "services/whoami/", "hub/home", [1, 0]],
    ["for the same page", "hub/token", "hub/token", [0, 1]],
  ];
  for (const [how, left, right, order] of pairs) {
    await report.behaviour(`two OAuth logins in two tabs both work, ${how}`, async () => {
      const person = await Person.with(names.tabs, everybody);
      await person.open(left);
      await person.newTab();
      await person.open(right);
      const tabs = person.context.pages();
      for (const tab of order) {
        person.page = tabs[tab];
        await logsInAtProvider(person);
        const path = [left, right][tab];
        if (path.startsWith("services/")) {
          await person.agreesOnTheWayTo("#visitor");
          await person.expect("#visitor", person.name);
        } else {
          await person.arrives(path);
          await person.expect("body", `served by ${b.id}`);
        }
      }
      await person.isAtHome(b);
      await person.leaves();
    });
  }

  await report.behaviour("an OAuth user logs out", async () => {
    await worker.isAtHome(b);
    await worker.page.click("#logout");
    await worker.page.waitForURL(/\/hub\/logout/);
    await worker.expect("body");
    const left = await worker.loginCookies();
    if (left.length > 0) throw new Error(`cookies left: ${left.join(", ")}`);
  });
}

/** Fills in the provider's login page. */
async function logsInAtProvider(person) {
  await person.page.fill('input[name="user"]', person.name);
  await person.page.click("text=Log in >> nth=-1");
}

/** Which hub's login brought the browser to the provider: its state cookie says so. */
async function hubOfTheFlow(person) {
  await person.page.waitForSelector('input[name="user"]');
  const names = (await person.context.cookies()).map((cookie) => cookie.name);
  const state = names.find((name) => name.startsWith("oauthenticator-state."));
  if (!state) throw new Error(`no hub's state cookie among: ${names.join(", ")}`);
  return state.split(".")[1];
}

async function visits(person, owner, hub) {
  await person.open(`user/${owner}/lab`);
  await person.agreesOnTheWayTo(LAB);
  await labIsOpen(person, owner);
  await newNotebook(person);
  await cellSaysHub(person, hub);
}
