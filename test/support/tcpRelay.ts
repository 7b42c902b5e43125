// A loopback TCP server before another one, whose connections a test cuts or lets fall silent.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface TcpRelay {
  readonly port: number;
  /** So many connections came so far. */
  readonly connections: number;
  cut(): void;
  /** Nothing more goes through the connections that are there, and none is closed. */
  silence(): void;
  close(): Promise<void>;
}

export async function startTcpRelay(targetPort: number): Promise<TcpRelay> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((near) => {
    connections += 1;
    const far = connect(targetPort, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => undefined);
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => open.forEach((socket) => void socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    cut,
    silence: () => open.forEach((socket) => void socket.unpipe().pause()),
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
