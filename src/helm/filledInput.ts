import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { HelmwardenError } from "../errors.ts";

/**
 * One end of a socket that holds the whole text, or as much of it as the kernel takes (some 200 kB) with the rest to
 * follow, to be a child's standard input. So a child that is there has its input, even if we are killed that moment:
 * with a pipe, helm would find an end of file, take that for an overlay without values, and make a revision of it.
 * A text that was cut off is no JSON any more. UpgradeFailed where `folder`, which is private, can hold no socket.
 */
export async function filledInput(text: string, folder: string): Promise<Socket> {
  const path = join(folder, randomBytes(6).toString("base64url"));
  const server = createServer({ pauseOnConnect: true });
  try {
    const [reader, writer] = await bothEnds(server, path);
    // helm may end without reading (a missing chart), which its exit code tells.
    writer.on("error", () => undefined);
    writer.end(text);
    return reader;
  } catch {
    throw new HelmwardenError(
      "UpgradeFailed",
      "helm was not started, as no socket for its input can be made in our cache. Set HELMWARDEN_CACHE_DIR to a folder that we may write, with a path of less than 70 characters.",
    );
  } finally {
    // Takes the path away with it.
    server.close();
  }
}

async function bothEnds(server: Server, path: string): Promise<[Socket, Socket]> {
  server.listen(path);
  await once(server, "listening");
  const accepted = once(server, "connection");
  const writer = connect(path);
  const [[reader]] = await Promise.all([accepted as Promise<[Socket]>, once(writer, "connect")]);
  return [reader, writer];
}
