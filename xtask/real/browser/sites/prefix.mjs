// The site lives below a path: every address, cookie path and redirect carries it.

import { cellSaysHub, labIsOpen, newNotebook, saves } from "../lab.mjs";
import { Person } from "../person.mjs";
import { Site } from "../site.mjs";

export async function run({ places, browser, report }) {
  const site = await Site.plan(places, {
    hubs: [
      { id: "hub-a", environment: "hub-6" },
      { id: "hub-b", environment: "hub-6" },
    ],
    base_url: "/jhub/",
  });
  const [a, b] = site.hubs.values();
  const names = { atA: site.userAt(a), atB: site.userAt(b) };
  await site.start({ lab_users: [names.atB] });

  const everybody = { browser, site, report };
  const atB = await Person.with(names.atB, everybody);
  let product;

  await report.behaviour("users of both hubs log in by form below /jhub/", async () => {
    const atA = await Person.with(names.atA, everybody);
    // Not by the site's front page: a server that starts within a second makes a chain of the hub's own redirects.
    await atA.open("hub/login");
    await atA.logInByForm();
    await atA.expect("#visitor", atA.name);
    await atA.expect("#hub", a.id);
    await atA.leaves();
    await atB.open("");
    await atB.logInByForm();
    await atB.page.waitForURL(/\/jhub\/(hub\/spawn-pending|user)\//);
  });

  await report.behaviour("JupyterLab opens below /jhub/", () => labIsOpen(atB, atB.name));

  await report.behaviour("a cell runs below /jhub/", async () => {
    await newNotebook(atB);
    product = await cellSaysHub(atB, b);
  });

  await report.behaviour("a notebook is saved below /jhub/", async () => {
    await saves(atB);
    if (!b.hasSaved(atB.name, product)) throw new Error("the notebook is not on disk");
  });

  await report.behaviour("logout works below /jhub/", async () => {
    await atB.isAtHome(b);
    await atB.page.click("#logout");
    await atB.seesLoginForm();
    const left = await atB.loginCookies();
    if (left.length > 0) throw new Error(`cookies left: ${left.join(", ")}`);
    await atB.open(`user/${atB.name}/lab`);
    await atB.seesLoginForm();
  });
}
