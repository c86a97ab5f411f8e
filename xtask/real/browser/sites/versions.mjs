// A rolling upgrade: one hub still runs the older JupyterHub.

import { LAB, cellSaysHub, labIsOpen, newNotebook, saves } from "../lab.mjs";
import { Person } from "../person.mjs";
import { Site } from "../site.mjs";

export async function run({ places, browser, report }) {
  const site = await Site.plan(places, {
    hubs: [
      { id: "hub-new", environment: "hub-6" },
      { id: "hub-old", environment: "hub-5" },
    ],
  });
  const [newer, older] = site.hubs.values();
  const names = { atNew: site.userAt(newer), atOld: site.userAt(older), admin: site.userAt(newer) };
  await site.start({ lab_users: [names.atOld], admins: [names.admin] });

  const everybody = { browser, site, report };
  const atOld = await Person.with(names.atOld, everybody);
  let product;

  await report.behaviour("users of JupyterHub 5.5.4 and 6.1.1 log in by form at one site", async () => {
    for (const [hub, version] of [
      [newer, "6.1.1"],
      [older, "5.5.4"],
    ]) {
      const runs = (await hub.api("GET", "")).version;
      if (runs !== version) throw new Error(`${hub.id} runs JupyterHub ${runs}`);
    }
    const atNew = await Person.with(names.atNew, everybody);
    await atNew.open("hub/login");
    await atNew.logInByForm();
    await atNew.expect("#visitor", atNew.name);
    await atNew.expect("#hub", newer.id);
    await atNew.leaves();
    await atOld.open("hub/login");
    await atOld.logInByForm();
    await atOld.page.waitForURL(/\/(hub\/spawn-pending|user)\//);
  });

  await report.behaviour("JupyterLab opens on JupyterHub 5.5.4", () => labIsOpen(atOld, atOld.name));

  await report.behaviour("a cell runs on JupyterHub 5.5.4", async () => {
    await newNotebook(atOld);
    product = await cellSaysHub(atOld, older);
  });

  await report.behaviour("a notebook is saved on JupyterHub 5.5.4", async () => {
    await saves(atOld);
    if (!older.hasSaved(atOld.name, product)) throw new Error("the notebook is not on disk");
  });

  await report.behaviour("an admin of JupyterHub 6.1.1 works in a server of JupyterHub 5.5.4", async () => {
    const admin = await Person.with(names.admin, everybody);
    await admin.open("hub/home");
    await admin.logInByForm();
    await admin.isAtHome(newer);
    await admin.open(`user/${names.atOld}/lab`);
    await admin.logInByForm();
    await admin.agreesOnTheWayTo(LAB);
    await labIsOpen(admin, names.atOld);
    await newNotebook(admin);
    await cellSaysHub(admin, older);
    await admin.isAtHome(newer);
    await admin.leaves();
  });

  await report.behaviour("logout ends the login at both versions", async () => {
    await atOld.isAtHome(older);
    await atOld.page.click("#logout");
    await atOld.seesLoginForm();
    await atOld.open(`user/${atOld.name}/lab`);
    await atOld.seesLoginForm();
  });
}
