// Imports one of the page's TypeScript modules into a test: esbuild bundles it into memory.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(new URL("../../../server/web/package.json", import.meta.url));
const { build } = require("esbuild");

export async function loadTs(name) {
    const result = await build({
        entryPoints: [fileURLToPath(new URL(`../../../server/web/src/${name}`, import.meta.url))],
        bundle: true, format: "esm", platform: "neutral", write: false,
    });
    return import("data:text/javascript;base64," + Buffer.from(result.outputFiles[0].contents).toString("base64"));
}
