// Client message ids: UUID version 7, so that they sort by the time of writing. The server's index grows at one end with
// them, and a resent message keeps its place among the unsent ones.

let lastMs = 0;
let counter = 0;

/** A new UUIDv7, later than every earlier one of this page. */
export function uuid7(now = Date.now()) {
  // 12 bits of counter within one millisecond (RFC 9562, 6.2 method 1) keep the order of a quick burst.
  if (now > lastMs) {
    lastMs = now;
    counter = crypto.getRandomValues(new Uint16Array(1))[0] & 0x7ff;
  } else {
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  const random = crypto.getRandomValues(new Uint8Array(8));
  random[0] = (random[0] & 0x3f) | 0x80;
  const hex = (n, width) => n.toString(16).padStart(width, "0");
  const time = hex(lastMs, 12);
  const tail = Array.from(random, (byte) => hex(byte, 2)).join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(counter, 3)}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}
