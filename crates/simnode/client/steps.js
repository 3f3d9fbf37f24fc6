// Steps that the clients of both release lines take alike.

const sessionToken = new URLSearchParams(location.search).get("sessionToken") ?? "";

const withToken = (url) => {
  const full = new URL(url, location.href);
  full.searchParams.set("sessionToken", sessionToken);
  return full.href;
};

async function fetchJson(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  return response.json();
}

async function readStuns(settings) {
  const url = withToken(settings.media.stunTurnServersFetchAddress);
  await runStep("stuns", url, async () => {
    const answer = await fetchJson(url, { credentials: "include" });
    if (answer.returncode === "FAILED") throw new Error(answer.message);
    return `${answer.stunServers.length} STUN, ${answer.turnServers.length} TURN`;
  });
}

// Slides are fetched before they are shown. Since 3.0.27 their address carries
// the session token, and since 3.0.28 the cookie goes with it.
async function readSlide(page) {
  const url = RELEASE.slidesNeedSession ? withToken(page.svgUrl) : page.svgUrl;
  await runStep("slide", url, async () => {
    const response = await fetch(url, { credentials: RELEASE.slidesTakeCredentials ? "include" : "omit" });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
    const image = byId("slide");
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(await response.blob());
    image.alt = page.presentationName;
    image.hidden = false;
    return page.presentationName;
  });
}

// The client's own files, as a user needs them one after the other: they come
// from where the page comes from.
const USED_ICONS = ["tool-pencil", "tool-eraser", "tool-hand", "tool-arrow", "tool-text", "geo-rectangle", "geo-ellipse", "color", "dash-draw", "fill-solid"];
const USED_SOUNDS = ["userJoin", "userLeave", "notify"];

async function fetchFile(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${answer.status} for ${path}`);
  await answer.arrayBuffer();
}

// `listing` resolves to the file names of the languages.
async function loadAssets(settings, wasm, listing) {
  const build = byId("app").dataset.build;
  await runStep("assets", location.href, async () => {
    const names = (await listing()).map((name) => name.replace(/\.json$/, ""));
    const wanted = navigator.languages.map((language) => language.split("-")[0]);
    const locale = wanted.find((language) => names.includes(language)) ?? "en";
    applyWords(await fetchJson(`locales/${locale}.json?v=${build}`));
    document.documentElement.lang = locale;
    await WebAssembly.compileStreaming(fetch(wasm));
    const { basename } = settings.app;
    await Promise.all([
      ...USED_ICONS.map((name) => fetchFile(`${basename}/svgs/tldraw/${name}.svg`)),
      ...USED_SOUNDS.map((name) => fetchFile(`${basename}/resources/sounds/${name}.mp3`)),
    ]);
    return `${names.length} languages, icons and sounds under ${basename}`;
  });
}

function playSound(settings, name) {
  const sound = new Audio(`${settings.app.basename}/resources/sounds/${name}.mp3`);
  // Browsers forbid sound before the first gesture; silence is no failure.
  sound.play().catch(() => {});
}

// `crypto.randomUUID` exists in secure contexts only.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
