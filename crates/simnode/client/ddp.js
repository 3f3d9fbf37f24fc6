// A client of DDP, Meteor's protocol, over one SockJS WebSocket, with just what
// the page needs. `subscribe` and `call` are those of `graphql.js` on 3.0.

// The page's words for what Meteor calls otherwise.
const PUBLICATIONS = {
  CurrentUser: "current-user",
  Meeting: "meetings",
  Users: "users",
  CurrentPage: "slides",
  BreakoutRooms: "breakouts",
};

const METHODS = {
  PresentationRequestUploadToken: "requestPresentationUploadToken",
  BreakoutRoomCreate: "createBreakoutRoom",
  GuestAdmit: "allowPendingUsers",
  UserLeaveMeeting: "userLeftMeeting",
};

const CLOSED_BY_NODE = 3000;

class Ddp {
  constructor(base, enter) {
    this.base = base;
    this.enter = enter;
    this.documents = new Map();
    this.listeners = new Map();
    this.results = new Map();
    this.nextId = 1;
    this.onClose = () => {};
  }

  // Asks whether WebSockets work, opens one, and proves who the user is.
  async open() {
    const info = await fetchJson(`${this.base}/sockjs/info?cb=${randomId().slice(0, 10)}`);
    if (!info.websocket) throw new Error("no WebSockets here");
    const server = String(Math.floor(Math.random() * 1000)).padStart(3, "0");
    await this.connect(`${this.base.replace(/^http/, "ws")}/sockjs/${server}/${randomId().slice(0, 8)}/websocket`);
    const { meetingID, internalUserID, authToken, externUserID } = this.enter;
    await this.callMethod("validateAuthToken", [meetingID, internalUserID, authToken, externUserID]);
  }

  connect(url) {
    return new Promise((resolve, reject) => {
      let code = null;
      this.socket = new WebSocket(url);
      this.socket.addEventListener("message", ({ data }) => {
        // SockJS frames: open, close with a code, an array of messages.
        if (data === "o") this.send({ msg: "connect", version: "1", support: ["1"] });
        else if (data.startsWith("c")) [code] = JSON.parse(data.slice(1));
        else if (data.startsWith("a")) JSON.parse(data.slice(1)).forEach((text) => this.hear(JSON.parse(text), resolve));
      });
      this.socket.addEventListener("close", (event) => {
        const why = code ?? (event.code || CLOSED_BY_NODE);
        reject(new Error(`closed with ${why}`));
        for (const { reject: fail } of this.results.values()) fail(new Error(`closed with ${why}`));
        this.onClose(why);
      });
    });
  }

  hear(message, connected) {
    const { msg, id, collection } = message;
    if (msg === "connected") connected();
    else if (msg === "ping") this.send({ msg: "pong", id });
    else if (msg === "result") {
      const waiting = this.results.get(id);
      this.results.delete(id);
      if (message.error) waiting?.reject(new Error(message.error.reason ?? message.error.error));
      else waiting?.resolve(message.result);
    } else if (["added", "changed", "removed"].includes(msg)) {
      const documents = this.collection(collection);
      if (msg === "removed") documents.delete(id);
      else documents.set(id, message.fields);
      // Until the publication is complete nobody is told of parts of it.
      if (this.listeners.get(collection)?.ready) this.tell(collection);
    } else if (msg === "ready") {
      for (const name of message.subs) {
        const listener = this.listeners.get(name);
        if (!listener) continue;
        listener.ready = true;
        this.tell(name);
      }
    }
  }

  collection(name) {
    if (!this.documents.has(name)) this.documents.set(name, new Map());
    return this.documents.get(name);
  }

  tell(name) {
    const documents = [...this.collection(name).values()];
    const { onData, single } = this.listeners.get(name);
    if (documents.length > 0 || !single) onData(documents);
  }

  send(message) {
    this.socket.send(JSON.stringify([JSON.stringify(message)]));
  }

  subscribe(subject, onData) {
    const name = PUBLICATIONS[subject];
    const single = !["Users", "BreakoutRooms"].includes(subject);
    this.listeners.set(name, { onData, single, ready: false });
    // The subscription's id is its name: there is one of each.
    this.send({ msg: "sub", id: name, name, params: [] });
  }

  call(operation, parameters = {}) {
    return this.callMethod(METHODS[operation], Object.values(parameters));
  }

  callMethod(method, params) {
    const id = String(this.nextId++);
    return new Promise((resolve, reject) => {
      this.results.set(id, { resolve, reject });
      this.send({ msg: "method", method, params, id });
    });
  }

  close() {
    this.onClose = () => {};
    this.socket?.close(1000);
  }
}
