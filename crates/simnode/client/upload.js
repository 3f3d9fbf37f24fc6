// Uploading a presentation as the real client does: a token over GraphQL, then
// a form by XMLHttpRequest whose progress listener makes the browser ask first
// (preflight).

function uploadPresentation(endpoint, file, meetingId) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("fileUpload", file);
    form.append("conference", meetingId);
    form.append("room", meetingId);
    form.append("temporaryPresentationId", randomId());
    form.append("pod_id", "DEFAULT_PRESENTATION_POD");
    form.append("is_downloadable", "false");
    form.append("current", "true");
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      setStep("upload", "pending", { detail: `${loaded} of ${total} bytes` });
    });
    request.addEventListener("load", () => {
      if (request.status === 200 && request.responseText === "upload-success") resolve(request.responseText);
      else reject(new Error(`${request.status} ${request.responseText.slice(0, 80)}`));
    });
    request.addEventListener("error", () => reject(new Error("refused by the network or by a cross-origin rule")));
    request.open("POST", endpoint);
    request.send(form);
  });
}
