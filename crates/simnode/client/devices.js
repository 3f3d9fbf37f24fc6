// Microphone and camera: permission states, getUserMedia, and the media socket.

const DEVICES = {
  microphone: { constraints: { audio: true }, report: (on) => ({ id: on ? "start" : "stop", type: "audio", role: "sendrecv" }) },
  camera: { constraints: { video: true }, report: (on) => ({ id: on ? "start" : "stop", type: "video", role: "share", cameraId: "camera-1" }) },
};

const streams = new Map();
let mediaSocket = null;

function drawPermissions() {
  const body = byId("permissions").tBodies[0];
  for (const device of Object.keys(DEVICES)) {
    const row = element("tr", undefined, { "data-permission": device, "data-permission-state": "" });
    row.append(element("td", STEPS[device]), element("td"), element("td", "–"), element("td", "–"));
    body.append(row);
    watchPermission(device, row);
  }
}

async function watchPermission(device, row) {
  const show = (state) => {
    row.dataset.permissionState = state;
    row.cells[1].textContent = state;
  };
  try {
    const status = await navigator.permissions.query({ name: device });
    show(status.state);
    status.addEventListener("change", () => show(status.state));
  } catch {
    show("unknown");
  }
}

async function permissionState(device) {
  try {
    return (await navigator.permissions.query({ name: device })).state;
  } catch {
    return "unknown";
  }
}

// The media socket, opened with the first device and kept.
function openMediaSocket(url) {
  if (mediaSocket?.readyState === WebSocket.OPEN) return Promise.resolve(mediaSocket);
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      mediaSocket = socket;
      resolve(socket);
    });
    socket.addEventListener("close", ({ code }) => reject(new Error(`media socket closed with ${code}`)));
  });
}

// Tells the node that a device is on and waits until it has taken note.
function reportDevice(socket, device) {
  const report = DEVICES[device].report(true);
  return new Promise((resolve, reject) => {
    const done = ({ data }) => {
      const message = JSON.parse(data);
      if (message.id !== "startResponse" || message.type !== report.type) return;
      socket.removeEventListener("message", done);
      if (message.response === "accepted") resolve();
      else reject(new Error("media refused"));
    };
    socket.addEventListener("message", done);
    socket.send(JSON.stringify(report));
  });
}

// Opens a device on the user's request and reports it to the node.
async function openDevice(device, url) {
  const row = stepRow(device);
  const panel = document.querySelector(`[data-permission="${device}"]`);
  await runStep(device, url, async () => {
    if (!navigator.mediaDevices) throw new Error("no secure context: this origin gets no devices");
    row.dataset.permissionBefore = await permissionState(device);
    const started = performance.now();
    const stream = await navigator.mediaDevices.getUserMedia(DEVICES[device].constraints)
      .finally(async () => {
        row.dataset.durationMs = String(Math.round(performance.now() - started));
        row.dataset.permissionAfter = await permissionState(device);
        panel.cells[2].textContent = `${row.dataset.durationMs} ms`;
      });
    streams.set(device, stream);
    const [track] = stream.getTracks();
    panel.cells[3].textContent = track.label;
    if (device === "camera") showCamera(stream);
    await reportDevice(await openMediaSocket(url), device);
    return `${track.label}; permission ${row.dataset.permissionBefore} before, ${row.dataset.permissionAfter} after`;
  });
}

function showCamera(stream) {
  const preview = byId("camera-preview");
  preview.srcObject = stream;
  preview.hidden = false;
}

function closeDevices() {
  for (const stream of streams.values()) stream.getTracks().forEach((track) => track.stop());
  streams.clear();
  mediaSocket?.close(1000);
}
