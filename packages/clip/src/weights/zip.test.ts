import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bytesSource } from "./byte-source.js";
import { createBudget } from "./limits.js";
import { virtualZip, writeZip, type ZipOptions, type ZipPart } from "./torch-archive.test.kit.js";
import { openZip, type Zip } from "./zip.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const deflate = (data: Uint8Array): Uint8Array => new Uint8Array(deflateRawSync(data));

const open = (parts: readonly ZipPart[], options: ZipOptions & { most?: number } = {}): Promise<Zip> =>
  openBytes(writeZip(parts, options), options);

const openBytes = (bytes: Uint8Array, { most = 100, limit = 10_000_000 } = {}): Promise<Zip> =>
  openZip(bytesSource(bytes, { name: "a.pt" }), {
    budget: createBudget({ name: "a.pt", limit }),
    most,
    wanted: () => true,
  });

async function readAll(zip: Zip, name: string): Promise<string> {
  let all = "";
  await zip.stream(name, (chunk) => (all += new TextDecoder().decode(chunk)));
  return all;
}

describe("archives", () => {
  it.each([false, true])("reads stored and packed entries, and ranges of stored ones (zip64: %s)", async (zip64) => {
    const parts = [
      { name: "r/a", data: text("hello world") },
      { name: "r/b", data: text("packed ".repeat(100)), deflate },
    ];
    const zip = await open(parts, { zip64 });
    expect([...zip.entries.values()]).toEqual([
      { name: "r/a", size: 11, stored: true },
      { name: "r/b", size: 700, stored: false },
    ]);
    expect(zip.isVerified("r/a")).toBe(false);
    expect(await readAll(zip, "r/a")).toBe("hello world");
    expect(await readAll(zip, "r/b")).toBe("packed ".repeat(100));
    expect(zip.isVerified("r/a")).toBe(true);
    expect(new TextDecoder().decode(await zip.readRange("r/a", 6, 5))).toBe("world");
    await expect(zip.readRange("r/a", 6, 6)).rejects.toThrow("a.pt: r/a: bytes 6 to 12 cannot be read");
    await expect(zip.readRange("r/b", 0, 1)).rejects.toThrow("cannot be read");
    await expect(readAll(zip, "r/c")).rejects.toThrow("a.pt: r/c: is not in the archive");
  });

  it("reads no range of an entry whose CRC-32 was not checked", async () => {
    const zip = await open([{ name: "a", data: text("abc") }]);
    await expect(zip.readRange("a", 0, 1)).rejects.toThrow("cannot be read");
  });

  it("reads entries beyond 4 GiB by range", async () => {
    const gibibyte = 2 ** 30;
    const parts: ZipPart[] = [
      { name: "big", data: { size: 5 * gibibyte, crc: 0, byteAt: () => 0 } },
      { name: "small", data: text("beyond") },
    ];
    const source = virtualZip(parts);
    const zip = await openZip(source, {
      budget: createBudget({ name: source.name, limit: 10_000_000 }),
      most: 10,
      wanted: () => true,
    });
    expect(source.size).toBeGreaterThan(5 * gibibyte);
    expect(zip.entries.get("big")?.size).toBe(5 * gibibyte);
    expect(await readAll(zip, "small")).toBe("beyond");
    expect(source.bytesRead()).toBeLessThan(300_000);
  });
});

describe("archives that lie", () => {
  const a: ZipPart = { name: "a", data: text("abcdef") };

  it.each<[string, ZipPart[], RegExp]>([
    ["is encrypted", [{ ...a, flags: 1 }], /^a\.pt: a: is encrypted: refused; ask the author for a plain file$/],
    ["holds a name twice", [a, a], /^a\.pt: a: is in the archive twice: refused/],
    [
      "has an entry outside the file",
      [{ ...a, offset: 999 }],
      /^a\.pt: a: lies at bytes 999 to 1036, the file has \d+: damaged/,
    ],
    ["claims more than the file has", [{ ...a, size: 2 ** 31, packedSize: 2 ** 31 }], /lies at bytes 0 to 2147483679/],
    ["has two sizes of a stored entry", [{ ...a, size: 7 }], /^a\.pt: a: claims 7 bytes, 6 are stored: damaged/],
    [
      "claims more than deflate can hold",
      [{ ...a, deflate, size: 10_000 }],
      /^a\.pt: a: claims 10000 bytes, 8 are stored/,
    ],
    [
      "lays one entry over another",
      [
        { ...a, data: text("x".repeat(200)) },
        { ...a, name: "b", offset: 20 },
      ],
      /^a\.pt: b: lies over a in the archive: refused/,
    ],
    ["names a path outside", [{ ...a, name: "../a" }], /^a\.pt: \.\.\/a: a name outside the archive: refused/],
    [
      "has control characters in a name",
      [{ ...a, name: "a\u001b[1m", flags: 0x800 }],
      /^a\.pt: a\?\[1m: has control characters in its name: refused/,
    ],
    [
      "is packed by another method",
      [{ ...a, method: 93 }],
      /^a\.pt: a: is packed by method 93, stored and deflated are read/,
    ],
  ])("refuses an archive that %s", async (_about, parts, message) => {
    await expect(open(parts)).rejects.toThrow(message);
  });

  it.each<[string, ZipPart, RegExp]>([
    [
      "whose CRC-32 differs",
      { ...a, crc: 1 },
      /^a\.pt: a: damaged or cut short \(its CRC-32 does not match\); get the file again$/,
    ],
    [
      "that unpacks to more than it claims",
      { ...a, data: text("x".repeat(500)), deflate, size: 400 },
      /^a\.pt: a: damaged or cut short/,
    ],
    [
      "that unpacks to less than it claims",
      { ...a, data: text("x".repeat(500)), deflate, size: 600 },
      /^a\.pt: a: damaged or cut short/,
    ],
    [
      "that is no deflate stream",
      { ...a, data: text("\u0007xxxxxxxx"), deflate: (data) => data },
      /^a\.pt: a: damaged or cut short/,
    ],
  ])("refuses an entry %s", async (_about, part, message) => {
    const zip = await open([part]);
    await expect(readAll(zip, "a")).rejects.toThrow(message);
    expect(zip.isVerified("a")).toBe(false);
  });

  it.each<[string, number, number, RegExp]>([
    ["another name", 30, 0x62, /its own header has another name/],
    ["another method", 8, 8, /its own header says that it is packed or encrypted/],
    ["encryption", 6, 1, /its own header says that it is packed or encrypted/],
    ["more fields, so that it reaches into the next entry", 28, 7, /it runs into the next entry, or out of the file/],
    ["nothing of a header", 0, 0, /no entry begins where the directory says/],
  ])("refuses an entry whose own header has %s", async (_about, at, byte, message) => {
    const bytes = writeZip([a, { ...a, name: "b" }]);
    bytes[at] = byte;
    await expect(readAll(await openBytes(bytes), "a")).rejects.toThrow(message);
  });

  it("checks the CRC-32 of packed entries too", async () => {
    const zip = await open([{ ...a, deflate, crc: 1 }]);
    await expect(readAll(zip, "a")).rejects.toThrow(
      "a.pt: a: damaged or cut short (Invalid CRC32); get the file again",
    );
  });

  it("refuses more entries than the bound, and a directory that the memory allowed does not hold", async () => {
    const many = Array.from({ length: 50 }, (_, index) => ({ name: `e${index}`, data: text("") }));
    await expect(open(many, { most: 49 })).rejects.toThrow("the archive has more than 49 entries: refused");
    await expect(openBytes(writeZip(many), { limit: 20_000 })).rejects.toThrow(
      "the directory of the archive would take 20500 bytes of memory, at most 20000 are allowed",
    );
  });

  it("refuses a cut at every place, and counts of entries that are not there", async () => {
    const fair = writeZip([a, { ...a, name: "b" }], { zip64: true });
    for (let size = 0; size < fair.length; size++) {
      await expect(openBytes(fair.subarray(0, size))).rejects.toThrow(/^a\.pt: .*get the file again$/);
    }
    await expect(open([a], { entries: 2 })).rejects.toThrow(/^a\.pt: .*damaged or cut short/);
  });

  it("passes on the error of the file, and of whoever takes the bytes", async () => {
    const bytes = writeZip([a]);
    const zip = await openZip(
      {
        name: "a.pt",
        size: bytes.length,
        async read(begin, length) {
          if (length === 6) throw new Error("a.pt: became shorter while it was read; try again");
          return new Uint8Array(bytes.subarray(begin, begin + length));
        },
      },
      { budget: createBudget({ name: "a.pt", limit: 10_000 }), most: 10, wanted: () => true },
    );
    await expect(readAll(zip, "a")).rejects.toThrow("a.pt: became shorter while it was read; try again");
    const fair = await open([a]);
    await expect(
      fair.stream("a", () => {
        throw new Error("a.pt: not these bytes");
      }),
    ).rejects.toThrow("a.pt: not these bytes");
  });
});
