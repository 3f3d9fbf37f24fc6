// What the page shows of a running meeting and lets the user do in it. `link`
// is the socket to the node: GraphQL on 3.0, DDP on 2.7.

function watchLink(link, step) {
  link.onClose = (code) => {
    const ended = code === 4410;
    setStep(step, "failed", { detail: ended ? "the meeting has ended" : `closed with ${code}` });
    notice(ended ? say("ended", "The meeting has ended.") : say("lost", "The connection to the node was lost."));
    closeDevices();
  };
}

function followMeeting(link, settings, state) {
  link.subscribe("CurrentUser", ([user]) => {
    state.user = user;
    const waiting = user.guestStatus === "WAIT";
    notice(waiting ? say("waiting", "A moderator has to let you in.") : "");
    byId("badge").textContent = `${user.name} · ${user.role.toLowerCase()}`;
    byId("badge").hidden = false;
    byId("create-breakout").hidden = user.role !== "MODERATOR" || state.meeting?.isBreakout !== false;
    byId("upload").disabled = !user.presenter;
    for (const id of ["join-audio", "share-camera"]) byId(id).disabled = waiting;
    followUp(settings, state);
  });
  link.subscribe("Meeting", ([meeting]) => {
    state.meeting = meeting;
    document.title = meeting.name;
    byId("meeting-name").textContent = meeting.name;
    byId("node-name").textContent = meeting.node;
    document.documentElement.dataset.node = meeting.node;
    document.documentElement.dataset.meeting = meeting.extId;
    byId("create-breakout").hidden = state.user?.role !== "MODERATOR" || meeting.isBreakout;
    followUp(settings, state);
  });
  link.subscribe("Users", (users) => {
    const admit = state.user?.role === "MODERATOR" ? (userId) => link.call("GuestAdmit", { userId }) : null;
    drawUsers(users, admit);
  });
  link.subscribe("CurrentPage", ([page]) => {
    state.page = page;
    readSlide(page);
    followUp(settings, state);
  });
  link.subscribe("BreakoutRooms", (rooms) => {
    drawBreakouts(rooms);
    const newest = rooms.at(-1);
    if (newest) setStep("breakout", "ok", { url: newest.joinURL, detail: `${newest.name}, ${newest.participants} in it` });
  });
}

function bindButtons(link, settings, state) {
  const media = withToken(settings.kurento.wsUrl);
  byId("join-audio").addEventListener("click", async () => {
    await openDevice("microphone", media);
    playSound(settings, "userJoin");
  });
  byId("share-camera").addEventListener("click", () => openDevice("camera", media));
  byId("upload").addEventListener("click", async () => {
    const { uploadEndpoint } = settings.presentation;
    await runStep("upload", uploadEndpoint, async () => {
      const token = await link.call("PresentationRequestUploadToken");
      const endpoint = uploadEndpoint.replace("upload", `${token}/upload`);
      const file = new File([`%PDF-1.4\n% ${new Date().toISOString()}\n`], "slides.pdf", { type: "application/pdf" });
      return uploadPresentation(endpoint, file, state.meeting.meetingId);
    });
  });
  byId("create-breakout").addEventListener("click", async () => {
    try {
      await link.call("BreakoutRoomCreate");
    } catch (error) {
      setStep("breakout", "failed", { detail: error.message });
    }
  });
  byId("leave").addEventListener("click", async () => {
    closeDevices();
    await link.call("UserLeaveMeeting").catch(() => {});
    link.close();
    location.href = state.user?.logoutUrl ?? "/";
  });
}

function beginPage() {
  document.documentElement.dataset.ready = "false";
  document.documentElement.dataset.pageOrigin = location.origin;
  byId("page-origin").textContent = location.origin;
  drawSteps();
  drawPermissions();
}
