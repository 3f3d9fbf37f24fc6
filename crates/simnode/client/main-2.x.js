// The order of things in the client of 2.x: the settings that Meteor wrote into the
// page, `enter`, the DDP socket, then what hangs on them. Devices, upload and
// breakout rooms wait for the user.

async function readSettings() {
  let settings = null;
  await runStep("settings", location.href, async () => {
    settings = __meteor_runtime_config__.PUBLIC_SETTINGS;
    return `basename ${settings.app.basename}`;
  });
  return settings;
}

async function enterMeeting(settings) {
  let enter = null;
  const url = withToken(`${settings.app.bbbWebBase}/api/enter`);
  await runStep("enter", url, async () => {
    const { response } = await fetchJson(url, { credentials: "include" });
    if (response.returncode !== "SUCCESS") throw new Error(`${response.messageKey}: ${response.message}`);
    enter = response;
    return `${response.fullname}, ${response.role.toLowerCase()}`;
  });
  return enter;
}

async function joinMeeting(enter) {
  const { DDP_DEFAULT_CONNECTION_URL: given, ROOT_URL_PATH_PREFIX: prefix } = __meteor_runtime_config__;
  const base = (given || `${location.origin}${prefix}`).replace(/\/$/, "");
  const ddp = new Ddp(base, enter);
  const joined = await runStep("ddp", base, async () => {
    await ddp.open();
    return "auth token accepted";
  });
  if (!joined) return null;
  watchLink(ddp, "ddp");
  return ddp;
}

async function main() {
  beginPage();
  const settings = await readSettings();
  if (!settings) return;
  const state = { user: null, meeting: null };
  loadAssets(settings, "wasm/tflite-simd.wasm", () => fetchJson("locales/index.json"));
  const enter = await enterMeeting(settings);
  if (!enter) return;
  const ddp = await joinMeeting(enter);
  if (!ddp) return;
  followMeeting(ddp, settings, state);
  bindButtons(ddp, settings, state);
  await readStuns(settings);
}

main();
