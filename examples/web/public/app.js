// Starts the page.
import { html, render } from "./lib.js";
import { followSession } from "./actions.js";
import { App } from "./components/App.js";
import { followKeys } from "./shortcuts.js";

followSession();
followKeys();
render(html`<${App} />`, document.getElementById("app"));
