// Builds dist/: one page (index.html, also served as /login) and assets/ with content hashes in their names,
// so that the server may let browsers keep assets for ever and must re-check only the page.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here("dist/");
await rm(dist, { recursive: true, force: true });
await mkdir(dist + "assets", { recursive: true });

async function putHashed(name, extension, bytes) {
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 10);
    const path = `assets/${name}-${hash}${extension}`;
    await writeFile(dist + path, bytes);
    return "/" + path;
}

const result = await build({
    entryPoints: { boot: here("src/boot.ts"), style: here("src/styles/style.css") },
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true, // the login page does not load the map
    target: ["es2022"],
    outdir: dist + "assets",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    legalComments: "eof",
    metafile: true,
    logLevel: "warning",
});

const urls = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const name = basename(path);
    if (output.entryPoint?.endsWith("boot.ts")) urls.script = "/assets/" + name;
    if (output.entryPoint?.endsWith("style.css")) urls.style = "/assets/" + name;
}
// MapLibre's worker is a module of its own; ours to serve, so that worker-src 'self' is enough.
urls.worker = await putHashed("map-worker", ".js", await readFile(here("node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs")));
urls.icon = await putHashed("icon", ".svg", await readFile(here("static/icon.svg")));

const template = await readFile(here("static/index.html"), "utf8");
const html = template.replace(/\{\{(\w+)\}\}/g, (_, key) => {
    if (!urls[key]) throw new Error(`index.html wants {{${key}}}, which the build did not make`);
    return urls[key];
});
await writeFile(dist + "index.html", html);
