// A client of the `graphql-transport-ws` protocol with just what the page needs.

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

  subscribe(operationName, query, onData) {
    const id = String(this.nextId++);
    this.handlers.set(id, (message) => {
      if (message.type === "next" && message.payload.data) onData(message.payload.data);
    });
    this.send({ id, type: "subscribe", payload: { operationName, query } });
  }

  mutate(operationName, query, variables = {}) {
    const id = String(this.nextId++);
    return new Promise((resolve, reject) => {
      this.handlers.set(id, (message) => {
        this.handlers.delete(id);
        if (message.type === "next") resolve(message.payload.data);
        else reject(new Error(message.payload?.[0]?.message ?? "refused"));
      });
      this.send({ id, type: "subscribe", payload: { operationName, query, variables } });
    });
  }

  close() {
    this.onClose = () => {};
    this.socket?.close(1000);
  }
}

// `crypto.randomUUID` exists in secure contexts only.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
