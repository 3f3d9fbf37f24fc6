// The order of things in the client since 3.0: API index, settings, GraphQL socket,
// then what hangs on them. Devices, upload and breakout rooms wait for the user.

// The API of the node that serves this page: whatever stands before
// `/html5client/` in the path. The real client asks for the page's host name
// without its port, and so does this one when the node runs strictly.
function apiBase() {
  const match = location.pathname.match(/^(.*)\/html5client\/?$/);
  const host = RELEASE.strict ? location.hostname : location.host;
  return new URL("bigbluebutton/api", `${location.protocol}//${host}${match ? match[1] : ""}/`).href;
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

async function joinMeeting(index) {
  const graphql = new GraphQl(index.graphqlWebsocketUrl, sessionToken);
  const joined = await runStep("graphql", index.graphqlWebsocketUrl, async () => {
    await graphql.open();
    return "session acknowledged";
  });
  if (!joined) return null;
  watchLink(graphql, "graphql");
  return graphql;
}

async function main() {
  beginPage();
  const index = await readIndex();
  if (!index) return;
  const meeting = await readSettings(index);
  if (!meeting) return;
  const settings = meeting.clientSettings.clientSettingsJson.public;
  const state = { user: null, meeting: null };
  const languages = async () => (await fetchJson("locales/")).map(({ name }) => name);
  loadAssets(settings, "wasm/noise-suppression.wasm", languages);
  const graphql = await joinMeeting(index);
  if (!graphql) return;
  followMeeting(graphql, settings, state);
  bindButtons(graphql, settings, state);
  await readStuns(settings);
  await measureRoundTrip(settings);
  setInterval(() => measureRoundTrip(settings), settings.stats.interval);
}

main();
