// Socket.IO or Engine.IO, WebSocket only, compression off as both have it by default, for the benchmark.
//
//   node --expose-gc server.mjs socket.io|engine.io
//
// It prints "ready ADDRESS", answers the commands "gc" and "memory", and ends when its input does.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server as EngineIO } from "engine.io";
import { Server as SocketIO } from "socket.io";

const http = createServer();

const peers = {
  "socket.io": () => {
    const io = new SocketIO(http, { transports: ["websocket"], serveClient: false });
    io.on("connection", (socket) => {
      socket.on("echo", (payload, answer) => answer(payload));
      socket.on("join", (topic, answer) => {
        socket.join(topic);
        answer("");
      });
      // A topic and a payload in one argument, the topic up to the first blank.
      socket.on("publish", (message) => {
        const blank = message.indexOf(" ");
        io.to(message.slice(0, blank)).emit("message", message.slice(blank + 1));
      });
    });
  },
  "engine.io": () => {
    const engine = new EngineIO({ transports: ["websocket"] });
    engine.attach(http);
    engine.on("connection", (socket) => socket.on("message", (payload) => socket.send(payload)));
  },
};

const commands = {
  gc: () => {
    globalThis.gc();
    return "";
  },
  // What the process takes as a whole: sockets and buffers live outside of the heap.
  memory: () => JSON.stringify({ used: process.memoryUsage.rss() }),
};

peers[process.argv[2]]();
http.listen(0, "127.0.0.1", () => console.log(`ready 127.0.0.1:${http.address().port}`));

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = commands[line.split(" ", 1)[0]];
  console.log(command ? `ok ${command()}` : `error there is no command ${line}`);
});
lines.on("close", () => process.exit(0));
