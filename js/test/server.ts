import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import type { SocketConstructor } from "../src/transport/socket.ts";

/** The WebSocket of the package ws: Node 20 has none of its own. */
export const NodeWebSocket: SocketConstructor = WebSocket;

/** A Go server that runs: internal/jsserver. */
export interface Server {
  /** HOST:PORT */
  readonly addr: string;
  readonly url: string;
  /** Ends it and waits for that; with "SIGKILL" at once. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

let built: string | undefined = process.env["TREFOIL_JSSERVER"];

function binary(): string {
  if (built !== undefined) return built;
  const dir = mkdtempSync(join(tmpdir(), "trefoil-js-"));
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  built = join(dir, "jsserver");
  const { status } = spawnSync("go", ["build", "-o", built, "./internal/jsserver"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)), stdio: "inherit",
  });
  if (status !== 0) throw new Error("the server cannot be built");
  return built;
}

/** Starts a server with the flags of internal/jsserver: -addr, -data, -heartbeat. */
export async function startServer(...flags: string[]): Promise<Server> {
  const child = spawn(binary(), flags, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ready = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error("the server ended before it was ready")));
    createInterface({ input: child.stdout }).once("line", (line) => resolve(line.replace("ready ", "")));
  });
  const addr = await ready;
  return {
    addr,
    url: `ws://${addr}/`,
    stop: async (signal) => {
      if (signal) child.kill(signal);
      else child.stdin.end();
      await exited;
    },
  };
}
