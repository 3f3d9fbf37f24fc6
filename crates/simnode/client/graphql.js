// A client of the `graphql-transport-ws` protocol with just what the page needs.
// `subscribe` and `call` are what the page uses of it, and of `ddp.js` on 2.7.

const SUBSCRIPTIONS = {
  CurrentUser: "subscription CurrentUser { user_current { userId name role guestStatus logoutUrl } }",
  Meeting: "subscription Meeting { meeting { meetingId extId name isBreakout } }",
  Users: "subscription Users { user { userId name role presenter voice cameras guestStatus isMe } }",
  CurrentPage: "subscription CurrentPage { pres_page_curr { presentationName svgUrl } }",
  BreakoutRooms: "subscription BreakoutRooms { breakoutRoom { name sequence joinURL participants } }",
};

const MUTATIONS = {
  PresentationRequestUploadToken: "mutation PresentationRequestUploadToken { presentationRequestUploadToken }",
  BreakoutRoomCreate: "mutation BreakoutRoomCreate { breakoutRoomCreate }",
  GuestAdmit: "mutation GuestAdmit($userId: String!) { guestAdmit(userId: $userId) }",
  UserLeaveMeeting: "mutation UserLeaveMeeting { userLeaveMeeting }",
};

class GraphQl {
  constructor(url, sessionToken) {
    this.url = url;
    this.sessionToken = sessionToken;
    this.handlers = new Map();
    this.nextId = 1;
    this.onClose = () => {};
  }

  // Opens the socket and resolves once the node has acknowledged the session.
  open() {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.url, "graphql-transport-ws");
      this.socket = socket;
      socket.addEventListener("open", () => this.send({
        type: "connection_init",
        payload: {
          headers: {
            "X-Session-Token": this.sessionToken,
            "X-ClientSessionUUID": randomId(),
            "X-ClientType": "HTML5",
            "X-ClientIsMobile": "false",
          },
        },
      }));
      socket.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "connection_ack") resolve();
        else if (message.type === "ping") this.send({ type: "pong" });
        else this.handlers.get(message.id)?.(message);
      });
      socket.addEventListener("close", ({ code, reason }) => {
        reject(new Error(code === 4403 ? "4403 session refused" : `closed with ${code} ${reason}`.trim()));
        this.onClose(code, reason);
      });
    });
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  // Calls back with the list of what a subject holds, now and at every change.
  subscribe(operationName, onData) {
    const id = String(this.nextId++);
    this.handlers.set(id, (message) => {
      if (message.type === "next" && message.payload.data) onData(Object.values(message.payload.data)[0]);
    });
    this.send({ id, type: "subscribe", payload: { operationName, query: SUBSCRIPTIONS[operationName] } });
  }

  // Does something and resolves with its result.
  call(operationName, variables = {}) {
    const id = String(this.nextId++);
    return new Promise((resolve, reject) => {
      this.handlers.set(id, (message) => {
        this.handlers.delete(id);
        if (message.type === "next") resolve(Object.values(message.payload.data)[0]);
        else reject(new Error(message.payload?.[0]?.message ?? "refused"));
      });
      this.send({ id, type: "subscribe", payload: { operationName, query: MUTATIONS[operationName], variables } });
    });
  }

  close() {
    this.onClose = () => {};
    this.socket?.close(1000);
  }
}
