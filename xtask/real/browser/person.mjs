// A person at a browser of their own: what they open, fill in and click, and what they see.

import { PASSWORD } from "./site.mjs";

export class Person {
  /** A fresh browser profile for `name`, who has not logged in anywhere yet. */
  static async with(name, { browser, site, report }) {
    const person = new Person();
    const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
    context.setDefaultTimeout(30_000);
    context.on("response", (response) => person.heard(response));
    context.on("requestfailed", (request) => {
      report.log(`${name}: ${request.method()} ${request.url()}: ${request.failure()?.errorText}`);
    });
    Object.assign(person, { name, site, report, context });
    person.page = await context.newPage();
    return person;
  }

  heard(response) {
    const request = response.request();
    if (response.status() >= 400) {
      this.report.log(`${this.name}: ${request.method()} ${request.url()}: ${response.status()}`);
      // A page and its scripts and styles must come from hubs that fit each other.
      if (request.url().includes("/static/")) this.report.missed(request.url());
    }
    if (!request.isNavigationRequest() || isRedirect(response.status())) return;
    const chain = [];
    for (let hop = request; hop !== null; hop = hop.redirectedFrom()) chain.unshift(hop.url());
    this.report.log(`${this.name}: ${request.method()} ${chain.join("\n      -> ")}: ${response.status()}`);
    this.report.navigated(chain);
  }

  /** Opens an address of the site in the current tab. */
  async open(path) {
    return this.page.goto(this.site.at(path), { waitUntil: "domcontentloaded" });
  }

  /** Another tab of the same browser; the old one stays open and is returned. */
  async newTab() {
    const old = this.page;
    this.page = await this.context.newPage();
    return old;
  }

  /** Fills in the login form that is on the screen. */
  async logInByForm(name = this.name) {
    await this.page.fill("#username_input", name);
    await this.page.fill("#password_input", PASSWORD);
    await this.page.click("#login_submit");
  }

  async seesLoginForm() {
    await this.page.waitForSelector("#username_input");
  }

  /**
   * Clicks the consent page of a visit when it comes before `goal`, a selector of the page behind it: a hub asks once
   * per visitor and server, as long as a login of that visitor lives.
   */
  async agreesOnTheWayTo(goal) {
    const consent = this.page.getByRole("button", { name: "Authorize" });
    await consent.or(this.page.locator(goal)).first().waitFor();
    if (await consent.isVisible()) await consent.click();
    await this.page.waitForSelector(goal);
  }

  /** The page's address is below `path` of the site. */
  async arrives(path) {
    const start = this.site.at(path);
    await this.page.waitForURL((url) => `${url}`.startsWith(start), { waitUntil: "domcontentloaded" });
  }

  /** Opens /hub/home, which must show who is logged in and which hub serves it, without a login page. */
  async isAtHome(hub) {
    await this.open("hub/home");
    await this.expect(`a[href$="hub/logout"]`, undefined, "the home page");
    await this.expect("body", `served by ${hub.id}`);
    await this.expect("body", this.name);
  }

  /** `selector` is visible and holds `text`. */
  async expect(selector, text, what = selector) {
    const element = this.page.locator(selector).first();
    try {
      await element.waitFor({ timeout: 20_000 });
    } catch {
      throw new Error(`${this.name} does not see ${what} at ${this.page.url()}: ${await this.shown()}`);
    }
    if (text === undefined) return;
    const shown = await element.innerText();
    if (!shown.includes(text)) {
      throw new Error(`${this.name} does not see "${text}" at ${this.page.url()}, but: ${shown.slice(0, 300)}`);
    }
  }

  async shown() {
    return (await this.page.innerText("body").catch(() => "nothing")).slice(0, 300);
  }

  /**
   * Cookies of a login that are still there: none after a logout. Those of a visited server may stay, its hub has
   * made them worthless.
   */
  async loginCookies() {
    const own = `jupyterhub-user-${encodeURIComponent(this.name)}`;
    const jars = ["jupyterhub-hub-login", "jupyterhub-session-id", "oauthenticator-state"];
    const names = (await this.context.cookies()).map((cookie) => cookie.name);
    return names.filter((name) => name === own || jars.some((jar) => name.startsWith(jar)));
  }

  async leaves() {
    await this.context.close();
  }
}

function isRedirect(status) {
  return [301, 302, 303, 307, 308].includes(status);
}
