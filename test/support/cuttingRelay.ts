// A loopback TCP server before a database, which cuts the connection when a client sends some text.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttingRelay {
  readonly port: number;
  /**
   * The next client that sends this text loses its connection: before the server sees it, or when the server has done
   * what it asks and before its answer comes through.
   */
  cut(text: string, when: "before" | "answered"): void;
  /** So many connections were cut. */
  readonly cuts: number;
  close(): Promise<void>;
}

export async function startCuttingRelay(targetPort: number): Promise<CuttingRelay> {
  const open = new Set<Socket>();
  let armed: { readonly text: string; readonly when: "before" | "answered" } | undefined;
  let cuts = 0;
  const server = createServer((near) => {
    const far = connect(targetPort, "127.0.0.1");
    const end = (): void => [near, far].forEach((socket) => void socket.destroy());
    let doomed = false;
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        end();
      });
    }
    near.on("data", (bytes) => {
      if (armed !== undefined && bytes.includes(armed.text)) {
        doomed = true;
        cuts += 1;
        const { when } = armed;
        armed = undefined;
        if (when === "before") return end();
      }
      far.write(bytes);
    });
    far.on("data", (bytes) => (doomed ? end() : near.write(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut(text, when) {
      armed = { text, when };
    },
    get cuts() {
      return cuts;
    },
    async close() {
      open.forEach((socket) => void socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
