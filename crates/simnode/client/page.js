// What the page shows. Tests rely on the `data-*` attributes set here; they
// are listed in the README next to this file.

const byId = (id) => document.getElementById(id);

const NAMES = {
  "api-index": "API index",
  settings: "Client settings",
  enter: "Entering the meeting",
  graphql: "GraphQL socket",
  ddp: "DDP socket",
  stuns: "STUN and TURN servers",
  sfu: "Media socket",
  sip: "SIP socket",
  pad: "Shared notes in a frame",
  "pad-export": "Notes to whiteboard",
  dashboard: "Learning dashboard",
  download: "Presentation as a file",
  livekit: "LiveKit socket",
  notes: "Notes socket",
  "notes-export": "Notes export",
  slide: "First slide",
  rtt: "Round trip",
  assets: "Client files",
  upload: "Presentation upload",
  microphone: "Microphone",
  camera: "Camera",
  breakout: "Breakout room",
};

// The steps that run by themselves and make the page ready together.
const AUTOMATIC = RELEASE.meteor
  ? ["settings", "enter", "ddp", "stuns", "slide"]
  : ["api-index", "settings", "graphql", "stuns", "slide", "rtt"];

// The steps that follow by themselves once the page is ready; the dashboard is
// for moderators, and what a node's release lacks is no step.
const FOLLOWING = [
  "sfu", "sip", "pad", "download", "dashboard",
  ...(RELEASE.notesToWhiteboard ? ["pad-export"] : []),
  ...(RELEASE.liveKit ? ["livekit"] : []),
  ...(RELEASE.sharedNotes ? ["notes", "notes-export"] : []),
];

const BY_THE_USER = ["upload", "microphone", "camera", "breakout"];

const STEPS = Object.fromEntries([...AUTOMATIC, "assets", ...FOLLOWING, ...BY_THE_USER].map((step) => [step, NAMES[step]]));

const RESULTS = { pending: "waiting", ok: "ok", failed: "failed", skipped: "not for you" };

let words = {};
const say = (key, otherwise) => words[key] ?? otherwise;

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function stepRow(step) {
  return document.querySelector(`[data-step="${step}"]`);
}

function drawSteps() {
  const body = byId("steps").tBodies[0];
  for (const [step, name] of Object.entries(STEPS)) {
    const row = element("tr", undefined, { "data-step": step, "data-state": "pending", "data-origin": "" });
    row.append(
      element("td", name),
      element("td"),
      element("td"),
      element("td", "", { class: "muted" }),
    );
    row.cells[1].append(element("span", RESULTS.pending, { class: "result" }));
    body.append(row);
  }
}

// Sets what is known of a step; `url` is what was asked, of which the origin is shown.
function setStep(step, state, { url, detail } = {}) {
  const row = stepRow(step);
  row.dataset.state = state;
  // A step that runs again counts as it last ended: the round trip is measured for ever, and each
  // presentation brings a slide.
  if (state !== "pending") row.dataset.ended = state;
  row.cells[1].firstChild.textContent = say(state, RESULTS[state]);
  if (url !== undefined) {
    const origin = originOf(url);
    row.dataset.origin = origin;
    row.cells[2].replaceChildren(element("code", origin));
  }
  if (detail !== undefined) row.cells[3].textContent = detail;
  const ended = (name, ...states) => states.includes(stepRow(name).dataset.ended);
  const ready = AUTOMATIC.every((name) => ended(name, "ok"));
  document.documentElement.dataset.ready = String(ready);
  const complete = ready && ["assets", ...FOLLOWING].every((name) => ended(name, "ok", "skipped"));
  document.documentElement.dataset.complete = String(complete);
}

// Runs a step; whatever it throws is what went wrong.
async function runStep(step, url, work) {
  setStep(step, "pending", { url });
  try {
    const detail = await work();
    setStep(step, "ok", { detail });
    return true;
  } catch (error) {
    setStep(step, "failed", { detail: `${error.name}: ${error.message}` });
    return false;
  }
}

// The origin of a URL; that of a socket is written with its HTTP scheme.
function originOf(url) {
  const { protocol, host } = new URL(url, location.href);
  return `${protocol.replace("ws", "http")}//${host}`;
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

function drawUsers(users, admit) {
  byId("user-count").textContent = `(${users.length})`;
  byId("users").replaceChildren(...users.map((user) => {
    const item = element("li", undefined, { "data-user": user.name });
    const signs = [user.role.toLowerCase()];
    if (user.presenter) signs.push("presenter");
    if (user.voice) signs.push("microphone on");
    if (user.cameras > 0) signs.push("camera on");
    if (user.isMe) signs.push("you");
    item.append(element("span", user.name), element("span", signs.join(", "), { class: "muted" }));
    if (user.guestStatus === "WAIT" && admit) {
      const button = element("button", say("admit", "Admit"), { class: "quiet" });
      button.addEventListener("click", () => admit(user.userId));
      item.append(button);
    }
    return item;
  }));
}

function drawBreakouts(rooms) {
  byId("breakouts").replaceChildren(...rooms.map((room, at) => {
    const link = element("a", `${say("openBreakout", "Open breakout room")} ${room.sequence}`, {
      class: "button", href: room.joinURL, target: "_blank",
    });
    // The newest room carries the id that tests look for.
    if (at === rooms.length - 1) link.id = "open-breakout";
    return link;
  }));
}

function applyWords(loaded) {
  words = loaded;
  for (const place of document.querySelectorAll("[data-text]")) {
    const text = words[place.dataset.text];
    if (text) place.textContent = text;
  }
  for (const step of Object.keys(STEPS)) {
    const row = stepRow(step);
    row.cells[0].textContent = say(`step.${step}`, STEPS[step]);
    row.cells[1].firstChild.textContent = say(row.dataset.state, RESULTS[row.dataset.state]);
  }
}
