// JupyterLab as a person uses it: the launcher, a cell, the File menu.

import { eventually } from "./processes.mjs";

/** What is there once JupyterLab is. */
export const LAB = "#jp-MainLogo";

/** The notebook in front. */
const NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden)";

/** JupyterLab is on the screen, started by the router's way alone. */
export async function labIsOpen(person, owner) {
  await person.arrives(`user/${encodeURIComponent(owner)}/lab`);
  // A busy machine: the hub may need a while to start the server.
  await person.page.waitForSelector(LAB, { timeout: 90_000 });
}

/** Opens a launcher and clicks its notebook card; returns once the new notebook's kernel has connected. */
export async function newNotebook(person) {
  const { page, site } = person;
  const sockets = [];
  const sessions = [];
  // JupyterLab opens again what was open last time, with sessions and sockets of its own.
  const socketSeen = (socket) => sockets.push(socket.url());
  const answerSeen = async (response) => {
    // A session is made under a passing name and gets the notebook's by a PATCH.
    const isSession = response.request().method() === "PATCH" && response.url().includes("/api/sessions/");
    if (isSession) sessions.push(await response.json().catch(() => ({})));
  };
  page.on("websocket", socketSeen);
  page.on("response", answerSeen);
  const created = page.waitForResponse(
    (response) => response.request().method() === "POST" && /\/api\/contents\/?(\?|$)/.test(response.url()),
  );
  created.catch(() => {}); // awaited below; a click that fails first is what should be told
  await page.click('button[data-command="launcher:create"], [data-command="launcher:create"] button');
  await page.locator('.jp-LauncherCard[data-category="Notebook"]:visible').first().click();
  const notebook = await (await created).json();
  const session = await eventually("the new notebook has a session", 60, async () =>
    sessions.find((one) => one.path === notebook.path),
  );
  const socket = await eventually("the new notebook's kernel has a WebSocket", 60, async () =>
    sockets.find((url) => url.includes(`/api/kernels/${session.kernel.id}/channels`)),
  );
  page.off("websocket", socketSeen);
  page.off("response", answerSeen);
  if (!socket.startsWith(site.origin.replace("http:", "ws:"))) {
    throw new Error(`the kernel's WebSocket went past the router: ${socket}`);
  }
  // A cell that is run before its notebook is in front and its kernel idle is lost, for a person as well.
  await page.locator(".lm-DockPanel .lm-TabBar-tab.lm-mod-current", { hasText: notebook.name }).waitFor();
  await page.locator(`${NOTEBOOK} .jp-Notebook-ExecutionIndicator[data-status="idle"]`).waitFor({ timeout: 60_000 });
}

/** Runs `code` in the last cell and waits until its output holds `expected`. */
export async function runsCell(person, code, expected) {
  const { page } = person;
  const panel = page.locator(NOTEBOOK);
  await panel.locator(".jp-Notebook .jp-CodeCell .cm-content").last().click();
  await page.keyboard.insertText(code);
  await page.keyboard.press("Shift+Enter");
  await panel.locator(".jp-OutputArea-output", { hasText: expected }).last().waitFor({ timeout: 60_000 });
}

/** Runs a cell that says which hub started this server. The product shows that the kernel computed it. */
export async function cellSaysHub(person, hub) {
  const factor = 100 + Math.floor(Math.random() * 900);
  await runsCell(
    person,
    `import os; print(os.environ["HUB_THAT_SPAWNED_ME"], ${factor} * 1001)`,
    `${hub.id} ${factor * 1001}`,
  );
  return `${factor * 1001}`;
}

/** File > Save Notebook; returns when the server has said that it is written. */
export async function saves(person) {
  const { page } = person;
  const written = page.waitForResponse(
    (response) => response.request().method() === "PUT" && /\/api\/contents\/.*\.ipynb/.test(response.url()),
  );
  written.catch(() => {}); // awaited below
  await page.getByRole("menuitem", { name: "File", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Save Notebook(?! As)/ }).click();
  // The first save of an unnamed notebook asks for a name.
  const rename = page.getByRole("button", { name: "Rename and Save" });
  await Promise.race([written, rename.waitFor()]);
  if (await rename.isVisible()) await rename.click();
  const answer = await written;
  if (answer.status() >= 300) throw new Error(`saving answered ${answer.status()}`);
}
