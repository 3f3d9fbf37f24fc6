// The order of things: API index, settings, GraphQL socket, then what hangs on
// them. Devices, upload and breakout rooms wait for the user.

const sessionToken = new URLSearchParams(location.search).get("sessionToken") ?? "";

// The API of the node that serves this page: whatever stands before
// `/html5client/` in the path. The real client asks for the page's host name
// without its port, and so does this one when the node runs strictly.
function apiBase() {
  const match = location.pathname.match(/^(.*)\/html5client\/?$/);
  const host = STRICT ? location.hostname : location.host;
  return new URL("bigbluebutton/api", `${location.protocol}//${host}${match ? match[1] : ""}/`).href;
}

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

async function readIndex() {
  let index = null;
  const url = apiBase();
  await runStep("api-index", url, async () => {
    const options = { headers: { "Content-Type": "application/json" }, credentials: "omit" };
    index = (await fetchJson(url, options)).response;
    if (index.returncode !== "SUCCESS") throw new Error(index.message);
    return `version ${index.version}`;
  });
  return index;
}

async function readSettings(index) {
  let meeting = null;
  const url = `${index.graphqlApiUrl}/meetingStaticData`;
  await runStep("settings", url, async () => {
    const options = { headers: { "x-session-token": sessionToken }, credentials: "include" };
    [meeting] = (await fetchJson(url, options)).meeting;
    return `basename ${meeting.clientSettings.clientSettingsJson.public.app.basename}`;
  });
  return meeting;
}

async function readStuns(settings) {
  const url = withToken(settings.media.stunTurnServersFetchAddress);
  await runStep("stuns", url, async () => {
    const answer = await fetchJson(url, { credentials: "include" });
    if (answer.returncode === "FAILED") throw new Error(answer.message);
    return `${answer.stunServers.length} STUN, ${answer.turnServers.length} TURN`;
  });
}

async function readSlide(page) {
  const url = withToken(page.svgUrl);
  await runStep("slide", url, async () => {
    const response = await fetch(url, { credentials: "include" });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
    const image = byId("slide");
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(await response.blob());
    image.alt = page.presentationName;
    image.hidden = false;
    return page.presentationName;
  });
}

async function measureRoundTrip(settings) {
  const url = new URL(`${settings.app.bbbWebBase}/rtt-check`, location.href).href;
  await runStep("rtt", url, async () => {
    const started = performance.now();
    const response = await fetch(url, { cache: "no-store" });
    const taken = Math.round(performance.now() - started);
    const serverTime = response.headers.get("X-Server-Epoch-Msec");
    if (!response.ok || !serverTime) throw new Error("the server's time is not readable");
    return `${taken} ms`;
  });
}

// The client's own files: they come from where the page comes from.
async function loadAssets(settings) {
  const build = byId("app").dataset.build;
  await runStep("assets", location.href, async () => {
    const names = (await fetchJson("locales/")).map(({ name }) => name.replace(/\.json$/, ""));
    const wanted = navigator.languages.map((language) => language.split("-")[0]);
    const locale = wanted.find((language) => names.includes(language)) ?? "en";
    applyWords(await fetchJson(`locales/${locale}.json?v=${build}`));
    document.documentElement.lang = locale;
    await WebAssembly.compileStreaming(fetch("wasm/noise-suppression.wasm"));
    const sound = `${settings.app.basename}/resources/sounds/userJoin.mp3`;
    const answer = await fetch(sound);
    if (!answer.ok) throw new Error(`${answer.status} for ${sound}`);
    return `${names.length} languages, sounds under ${settings.app.basename}`;
  });
}

function playSound(settings, name) {
  const sound = new Audio(`${settings.app.basename}/resources/sounds/${name}.mp3`);
  // Browsers forbid sound before the first gesture; silence is no failure.
  sound.play().catch(() => {});
}

async function joinMeeting(index, settings) {
  const graphql = new GraphQl(index.graphqlWebsocketUrl, sessionToken);
  const joined = await runStep("graphql", index.graphqlWebsocketUrl, async () => {
    await graphql.open();
    return "session acknowledged";
  });
  if (!joined) return null;
  graphql.onClose = (code) => {
    setStep("graphql", "failed", { detail: code === 4410 ? "the meeting has ended" : `closed with ${code}` });
    notice(code === 4410 ? say("ended", "The meeting has ended.") : say("lost", "The connection to the node was lost."));
    closeDevices();
  };
  return graphql;
}

function followMeeting(graphql, settings, state) {
  graphql.subscribe("CurrentUser", "subscription CurrentUser { user_current { userId name role guestStatus logoutUrl } }", (data) => {
    [state.user] = data.user_current;
    const waiting = state.user.guestStatus === "WAIT";
    notice(waiting ? say("waiting", "A moderator has to let you in.") : "");
    byId("badge").textContent = `${state.user.name} · ${state.user.role.toLowerCase()}`;
    byId("badge").hidden = false;
    byId("create-breakout").hidden = state.user.role !== "MODERATOR" || state.meeting?.isBreakout !== false;
    byId("upload").disabled = !state.user.presenter;
    for (const id of ["join-audio", "share-camera"]) byId(id).disabled = waiting;
  });
  graphql.subscribe("Meeting", "subscription Meeting { meeting { meetingId extId name isBreakout } }", (data) => {
    [state.meeting] = data.meeting;
    document.title = state.meeting.name;
    byId("meeting-name").textContent = state.meeting.name;
    byId("node-name").textContent = state.meeting.node;
    document.documentElement.dataset.node = state.meeting.node;
    document.documentElement.dataset.meeting = state.meeting.extId;
    byId("create-breakout").hidden = state.user?.role !== "MODERATOR" || state.meeting.isBreakout;
  });
  graphql.subscribe("Users", "subscription Users { user { userId name role presenter voice cameras guestStatus isMe } }", ({ user }) => {
    const admit = state.user?.role === "MODERATOR"
      ? (userId) => graphql.mutate("GuestAdmit", "mutation GuestAdmit($userId: String!) { guestAdmit(userId: $userId) }", { userId })
      : null;
    drawUsers(user, admit);
  });
  graphql.subscribe("CurrentPage", "subscription CurrentPage { pres_page_curr { presentationName svgUrl } }", (data) => {
    readSlide(data.pres_page_curr[0]);
  });
  graphql.subscribe("BreakoutRooms", "subscription BreakoutRooms { breakoutRoom { name sequence joinURL participants } }", ({ breakoutRoom }) => {
    drawBreakouts(breakoutRoom);
    const newest = breakoutRoom.at(-1);
    if (newest) setStep("breakout", "ok", { url: newest.joinURL, detail: `${newest.name}, ${newest.participants} in it` });
  });
}

function bindButtons(graphql, settings, state) {
  const media = withToken(settings.kurento.wsUrl);
  byId("join-audio").addEventListener("click", async () => {
    await openDevice("microphone", media);
    playSound(settings, "userJoin");
  });
  byId("share-camera").addEventListener("click", () => openDevice("camera", media));
  byId("upload").addEventListener("click", async () => {
    const { uploadEndpoint } = settings.presentation;
    await runStep("upload", uploadEndpoint, async () => {
      const data = await graphql.mutate("PresentationRequestUploadToken", "mutation PresentationRequestUploadToken { presentationRequestUploadToken }");
      const endpoint = uploadEndpoint.replace("upload", `${data.presentationRequestUploadToken}/upload`);
      const file = new File([`%PDF-1.4\n% ${new Date().toISOString()}\n`], "slides.pdf", { type: "application/pdf" });
      return uploadPresentation(endpoint, file, state.meeting.meetingId);
    });
  });
  byId("create-breakout").addEventListener("click", async () => {
    try {
      await graphql.mutate("BreakoutRoomCreate", "mutation BreakoutRoomCreate { breakoutRoomCreate }");
    } catch (error) {
      setStep("breakout", "failed", { detail: error.message });
    }
  });
  byId("leave").addEventListener("click", async () => {
    closeDevices();
    await graphql.mutate("UserLeaveMeeting", "mutation UserLeaveMeeting { userLeaveMeeting }").catch(() => {});
    graphql.close();
    location.href = state.user?.logoutUrl ?? "/";
  });
}

async function main() {
  document.documentElement.dataset.ready = "false";
  document.documentElement.dataset.pageOrigin = location.origin;
  byId("page-origin").textContent = location.origin;
  drawSteps();
  drawPermissions();
  const index = await readIndex();
  if (!index) return;
  const meeting = await readSettings(index);
  if (!meeting) return;
  const settings = meeting.clientSettings.clientSettingsJson.public;
  const state = { user: null, meeting: null };
  loadAssets(settings);
  const graphql = await joinMeeting(index, settings);
  if (!graphql) return;
  followMeeting(graphql, settings, state);
  bindButtons(graphql, settings, state);
  await readStuns(settings);
  await measureRoundTrip(settings);
  setInterval(() => measureRoundTrip(settings), settings.stats.interval);
}

main();
