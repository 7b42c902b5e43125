import { timingSafeEqual } from "node:crypto";
import { isUtf8 } from "node:buffer";

const MASK = "[secret]";
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Prints, serialises and inspects as a constant, whatever it holds. */
abstract class Masked {
  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.toPrimitive](): string {
    return MASK;
  }

  [INSPECT](): string {
    return MASK;
  }
}

/** Anything that must not be seen. `open()` is called only in the files that test/architecture/secrecy.test.ts lists. */
export class Sealed<T> extends Masked {
  readonly #content: T;

  constructor(content: T) {
    super();
    this.#content = content;
  }

  /** Gives the content back. Keep it local: what is opened is not to be stored, logged or thrown. */
  open(): T {
    return this.#content;
  }
}

/** One secret: bytes, usually UTF-8 text. Prints as a constant, compares in constant time. */
export class SecretValue extends Masked {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    super();
    this.#bytes = bytes;
  }

  static fromText(text: string): SecretValue {
    return new SecretValue(ownBytes(text, "utf8"));
  }

  static fromBytes(bytes: Uint8Array): SecretValue {
    return new SecretValue(Buffer.from(bytes));
  }

  /** `encoded` is standard base64, as in a Kubernetes Secret's `data`. */
  static fromBase64(encoded: string): SecretValue {
    return new SecretValue(ownBytes(encoded, "base64"));
  }

  /** The text. Bytes that are not UTF-8 come out damaged: ask `isText` first where it matters. */
  reveal(): string {
    return this.#bytes.toString("utf8");
  }

  /** A copy of the bytes. */
  revealBytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  get isText(): boolean {
    return isUtf8(this.#bytes);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  equals(other: SecretValue): boolean {
    return this.#bytes.length === other.#bytes.length && timingSafeEqual(this.#bytes, other.#bytes);
  }
}

/** Not from Node's pool: what lives long would keep 8 KiB of others' bytes with it. */
function ownBytes(text: string, encoding: "utf8" | "base64"): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text, encoding));
  // Base64 with breaks of lines is shorter than its length tells.
  return bytes.subarray(0, bytes.write(text, encoding));
}
