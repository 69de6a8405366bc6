// The first module: which of the two pages is asked for?

import { startLang } from "./i18n";

startLang();
if (location.pathname === "/login") void import("./login").then((page) => page.showLogin());
else void import("./app").then((page) => page.showApp());
