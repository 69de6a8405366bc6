// A headless Chromium with a page on the fake server, and a watch over what must never happen: errors on
// the console, violations of the content security policy, requests to anywhere else.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { startFakeServer } from "../../server/web/dev/fake_server.mjs";

const require = createRequire(new URL("../../server/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
];
const WITH_MAP = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
const WITHOUT_MAP = ["--disable-3d-apis"]; // the page says that there is no map, and goes on

/** Without a map it is several times as quick: WebGL in software is what takes the time. */
export async function openBrowser({ viewport = { width: 1280, height: 720 }, locale = "zh-CN", colorScheme = "light", map = true, ...rest } = {}) {
    const directory = await mkdtemp(join(tmpdir(), "ww-browser-"));
    const context = await chromium.launchPersistentContext(directory, {
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: [...FLAGS, ...(map ? WITH_MAP : WITHOUT_MAP)], viewport, locale, colorScheme, timezoneId: "America/New_York", ...rest,
    });
    return {
        context, map,
        async close() {
            await context.close();
            await rm(directory, { recursive: true, force: true });
        },
    };
}

/** A page and the list of its sins. `expected` are patterns of messages that the test itself causes. */
export async function openPage(browser, base, expected = []) {
    const page = await browser.context.newPage();
    page.setDefaultTimeout(120_000); // a deadline, for machines that have much else to do
    const sins = [];
    const blame = (text) => {
        if (![...expected, ...(browser.map ? [] : [/WebGL/])].some((pattern) => pattern.test(text))) sins.push(text);
    };
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) blame(`${message.type()}: ${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => blame(`thrown: ${error.message}`));
    page.on("request", (request) => {
        if (!request.url().startsWith(base + "/") && !request.url().startsWith("data:")) blame(`outside request: ${request.url()}`);
    });
    await page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
    });
    return { page, sins };
}

export async function mapIsReady(page) {
    await page.waitForSelector('#map[data-ready="true"]', { timeout: 60_000 });
}

/**
 * Two browsers for the tests of a file, one with a map and one without, each opened when a test wants it. What it returns runs a
 * test on a logged-in page on a server of its own; the page must stay free of sins.
 */
export function usePage(options = {}) {
    const browsers = new Map();
    after(async () => {
        for (const browser of browsers.values()) await (await browser).close();
    });
    return async (run, { hash = "", expected = [], anonymous = false, token = anonymous ? null : "ww_admin", ready = true, more = 0, map = false } = {}) => {
        if (!browsers.has(map)) browsers.set(map, openBrowser({ ...options, map }));
        const browser = await browsers.get(map);
        const fake = await startFakeServer({ anonymous, more });
        await browser.context.clearCookies();
        if (token) await browser.context.addCookies([{ name: "ww_session", value: token, url: fake.url }]);
        const { page, sins } = await openPage(browser, fake.url, expected);
        try {
            await page.goto(fake.url + "/" + hash);
            if (ready) {
                await page.waitForSelector("[role=tabpanel]:not([hidden]) [role=option]");
                await page.waitForSelector("#live.live");
            }
            await run(page, fake);
            assert.deepEqual(sins, []);
        } finally {
            await page.close();
            await fake.stop();
        }
    };
}
