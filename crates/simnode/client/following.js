// What the client opens once a user is in the meeting: sockets, pads, the
// dashboard. Each step fails as a browser makes it fail.

const SOCKET_TIMEOUT_MS = 10000;
const FRAME_TIMEOUT_MS = 15000;

// Opens a socket and closes it again.
function tryOpen(url, protocols) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols);
    const timer = setTimeout(() => {
      socket.close();
      reject(new Error("no answer"));
    }, SOCKET_TIMEOUT_MS);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      socket.close(1000);
      resolve("opened");
    });
    socket.addEventListener("close", ({ code }) => {
      clearTimeout(timer);
      reject(new Error(`closed with ${code}`));
    });
  });
}

const runSocket = (step, url, protocols) => runStep(step, url, () => tryOpen(url, protocols));

// Loads a page in a frame that nobody sees and waits for what it tells.
function tryFrame(url, key, wanted) {
  return new Promise((resolve, reject) => {
    const frame = element("iframe", undefined, { src: url, hidden: "", title: key });
    const done = (settle, value) => {
      clearTimeout(timer);
      removeEventListener("message", listener);
      frame.remove();
      settle(value);
    };
    const listener = ({ source, data }) => {
      if (source !== frame.contentWindow || data?.[key] === undefined) return;
      if (data[key] === wanted) done(resolve, wanted);
      else done(reject, new Error(data[key]));
    };
    const timer = setTimeout(() => done(reject, new Error("the frame says nothing")), FRAME_TIMEOUT_MS);
    addEventListener("message", listener);
    document.body.append(frame);
  });
}

async function fetchExport(url) {
  const response = await fetch(url, { credentials: "include" });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  return `${(await response.text()).length} characters`;
}

// A socket's address for a host that a setting names, else for the page's.
const socketAt = (host, path) => `${location.protocol === "https:" ? "wss" : "ws"}://${host || location.host}${path}`;

async function openSockets(settings, meeting) {
  await runSocket("sfu", withToken(settings.kurento.wsUrl));
  await runSocket("sip", withToken(socketAt(settings.media.sip_ws_host, "/ws")), "sip");
  if (RELEASE.liveKit) {
    const base = settings.media.livekit?.url || socketAt("", "/livekit");
    await runSocket("livekit", `${base}/rtc?access_token=${meeting.mediaToken}`);
  }
}

async function openPads(settings, meeting) {
  const base = (settings.pads ?? settings.note).url;
  const pad = encodeURIComponent(meeting.padId);
  const session = new URLSearchParams({ padName: meeting.padId, sessionID: `s.${meeting.mediaToken}`, lang: "en", rtl: "false" });
  const frame = withToken(RELEASE.padSessions ? `${base}/auth_session?${session}` : `${base}/p/${pad}?lang=en`);
  await runStep("pad", frame, () => tryFrame(frame, "pad", "open"));
  if (!RELEASE.notesToWhiteboard) return;
  const file = withToken(`${base}/p/${pad}/export/txt`);
  await runStep("pad-export", file, () => fetchExport(file));
}

// The setting is a bare host. The real client knows no port but HTTPS's own; this
// one takes the node's, unless the node runs strictly.
function notesHost(settings) {
  const host = settings.sharedNotes?.serverHostname;
  if (!host || host.includes(":") || RELEASE.strict) return host;
  const { port } = new URL(settings.app.bbbWebBase, location.href);
  return port ? `${host}:${port}` : host;
}

async function openNotes(settings, meeting) {
  const host = notesHost(settings);
  await runSocket("notes", withToken(socketAt(host, "/hocuspocus/collaboration")));
  const pad = encodeURIComponent(meeting.padId);
  const place = `${location.protocol}//${host || location.host}`;
  const file = withToken(`${place}/hocuspocus/api/documents/${pad}/export/txt`);
  await runStep("notes-export", file, () => fetchExport(file));
}

async function openDashboard(settings, state) {
  if (state.user.role !== "MODERATOR") {
    setStep("dashboard", "skipped", {});
    return;
  }
  const query = new URLSearchParams({ meeting: state.meeting.meetingId, lang: "en" });
  const url = withToken(`${settings.app.learningDashboardBase}/?${query}`);
  // The real client opens a tab; a frame meets the same rules and needs no click.
  await runStep("dashboard", url, () => tryFrame(url, "dashboard", "loaded"));
}

// A link that the user follows: a page of another origin learns nothing of the
// answer, one of its own learns that it is missing.
async function tryDownload(settings, page) {
  const url = withToken(page.downloadUrl ?? `${settings.app.bbbWebBase}/${page.downloadPath}`);
  await runStep("download", url, async () => {
    const response = await fetch(url, { mode: "no-cors", credentials: "include" });
    if (response.type !== "opaque" && !response.ok) throw new Error(`${response.status}`);
    return "offered";
  });
}

// Runs the steps once the user is known to be in.
async function followUp(settings, state) {
  if (state.followed || !state.user || !state.meeting || !state.page || state.user.guestStatus !== "ALLOW") return;
  state.followed = true;
  await openSockets(settings, state.meeting);
  await openPads(settings, state.meeting);
  if (RELEASE.sharedNotes) await openNotes(settings, state.meeting);
  await tryDownload(settings, state.page);
  await openDashboard(settings, state);
}
