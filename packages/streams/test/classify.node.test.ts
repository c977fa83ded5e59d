import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify, type FrameKind } from "../src/classify.ts";
import { SpillwayError } from "../src/errors.ts";

const IVF_HEADER_BYTES = 32;
const IVF_FRAME_HEADER_BYTES = 12;

interface Clip {
  readonly codec: string;
  readonly format: string;
  /** All of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
  /** Which frames ffprobe calls keyframes. */
  readonly keys: readonly boolean[];
  readonly description: Uint8Array<ArrayBuffer> | undefined;
}

const media = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`media/${name}`, import.meta.url)));
const text = (name: string): string => new TextDecoder().decode(media(name));

function clip(name: string): Clip {
  const bytes = media(name);
  const { packets } = JSON.parse(text(`${name}.json`)) as {
    readonly packets: readonly { readonly size: string; readonly pos: string; flags: string }[];
  };
  const format = name.split(".").at(-1) ?? "";
  const skipped = format === "ivf" ? IVF_FRAME_HEADER_BYTES : 0;
  return {
    codec: name.split("-")[0] ?? "",
    format,
    bytes,
    frames: packets.map(({ pos, size }) => {
      const start = Number(pos) + skipped;
      return bytes.slice(start, start + Number(size));
    }),
    keys: packets.map(({ flags }) => flags.startsWith("K")),
    description: format === "mp4" ? configurationRecord(bytes) : undefined,
  };
}

/** The payload of the box `avcC` or `hvcC`. */
function configurationRecord(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const start = new TextDecoder("latin1").decode(bytes).search(/avcC|hvcC/u);
  const size = new DataView(bytes.buffer).getUint32(start - 4);
  return bytes.slice(start + 4, start - 4 + size);
}

function kindsOf({ codec, description, frames }: Clip): FrameKind[] {
  const kindOf = classify(codec, { description });
  return frames.map((frame) => kindOf(frame));
}

const count = (kinds: readonly FrameKind[], wanted: FrameKind): number =>
  kinds.filter((kind) => kind === wanted).length;

/** How many frames of each clip may be dropped. */
const droppableFrames: Readonly<Record<string, number>> = {
  "vp8-altref.ivf": 0,
  "vp8-layers.ivf": 9,
  "vp9-altref.ivf": 0,
  "vp9-layers.ivf": 9,
  "vp9-layers-linked.ivf": 0,
  "h264-pyramid.mp4": 21,
  "h264-pyramid.h264": 21,
  "h264-refresh.h264": 0,
  "h265-layers.mp4": 21,
  "h265-layers.h265": 21,
  "h265-open.h265": 21,
  "av1-aom.ivf": 1,
  "av1-hierarchical.ivf": 9,
  "av1-lowdelay.ivf": 15,
};
const names = Object.keys(droppableFrames);

describe.each(names)("classify() on %s", (name) => {
  test("finds ffprobe's keyframes", () => {
    const { keys } = clip(name);
    const kinds = kindsOf(clip(name));
    // ffmpeg also takes a recovery point for a key, though what follows may refer to what was before.
    const wanted = name === "h264-refresh.h264" ? keys.map((_, index) => index === 0) : keys;
    expect(keys.filter(Boolean).length).toBeGreaterThan(1);
    expect(kinds.map((kind) => kind === "key")).toEqual(wanted);
  });

  test("finds what nothing refers to", () => {
    expect(count(kindsOf(clip(name)), "droppable")).toBe(droppableFrames[name]);
  });

  test("needs nothing but the frame and the keyframes before it", () => {
    const { codec, description, frames } = clip(name);
    const kinds = kindsOf(clip(name));
    const kindOf = classify(codec, { description });
    for (const [index, kind] of kinds.entries()) {
      if (kind === "key") kindOf(frames[index] as Uint8Array);
      else if (index % 2 === 0) expect(kindOf(frames[index] as Uint8Array)).toBe(kind);
    }
  });
});

describe("classify()", () => {
  const fields = (line: string): [name: string, value: number][] =>
    line.split(" ").map((field) => {
      const [name = "", value] = field.split("=");
      return [name, Number(value)];
    });

  const all = (line: string, wanted: string, holds: (value: number) => boolean): boolean =>
    fields(line).every(([name, value]) => name !== wanted || holds(value));

  test.each(names.filter((name) => name.startsWith("h264") && !name.endsWith("mp4")))(
    "agrees with ffmpeg's parser on %s",
    (name) => {
      const lines = text(`${name}.headers`).trim().split("\n");
      const wanted = lines.map((line) => all(line, "nal_ref_idc", (value) => value === 0));
      expect(kindsOf(clip(name)).map((kind) => kind === "droppable")).toEqual(wanted);
    },
  );

  test.each([
    ["h265-layers.h265", 2],
    ["h265-open.h265", 1],
  ])("agrees with ffmpeg's parser on %s", (name, layers) => {
    const lines = text(`${name}.headers`).trim().split("\n");
    const wanted = lines.map(
      (line) =>
        all(line, "nal_unit_type", (type) => type % 2 === 0 && type < 16) &&
        all(line, "nuh_temporal_id_plus1", (layer) => layer === layers),
    );
    expect(kindsOf(clip(name)).map((kind) => kind === "droppable")).toEqual(wanted);
  });

  test.each(names.filter((name) => /^av1|^vp9/u.test(name)))(
    "agrees with ffmpeg's parser on %s",
    (name) => {
      const lines = text(`${name}.headers`).trim().split("\n");
      const wanted = lines.map(
        (line) =>
          line.includes("refresh_frame_flags") &&
          all(line, "refresh_frame_flags", (flags) => flags === 0) &&
          (name.startsWith("av1") || all(line, "error_resilient_mode", (mode) => mode === 1)),
      );
      expect(kindsOf(clip(name)).map((kind) => kind === "droppable")).toEqual(wanted);
    },
  );

  test.each(["h264-pyramid", "h265-layers"])("tells %s the same in both forms", (name) => {
    const kinds = kindsOf(clip(`${name}.mp4`));
    expect(kindsOf(clip(`${name}.${name.split("-")[0]}`))).toEqual(kinds);
  });

  test("recognizes lengths without a description", () => {
    const { description: _, ...pyramid } = clip("h264-pyramid.mp4");
    const lengths = pyramid.frames.map((frame) => new DataView(frame.buffer).getUint32(0));
    // Such a length starts with 0 0 1, as a start code does.
    expect(lengths.some((length) => length >= 256 && length < 512)).toBe(true);
    expect(kindsOf({ ...pyramid, description: undefined })).toEqual(
      kindsOf(clip("h264-pyramid.mp4")),
    );
  });

  test("calls no H.265 frame droppable while the number of sub-layers is unknown", () => {
    const layers = clip("h265-layers.mp4");
    const kinds = kindsOf({ ...layers, description: undefined });
    expect(count(kinds, "droppable")).toBe(0);
    expect(count(kinds, "key")).toBe(3);
  });

  test("calls no AV1 frame droppable before a sequence header", () => {
    const [key, ...deltas] = clip("av1-lowdelay.ivf").frames.slice(0, 15);
    const kinds = kindsOf({ ...clip("av1-lowdelay.ivf"), frames: deltas });
    expect(count(kinds, "delta")).toBe(deltas.length);
    // A configuration record is four bytes, then the sequence header.
    const description = Uint8Array.of(0x81, 0, 0, 0, ...(key ?? []));
    const known = kindsOf({ ...clip("av1-lowdelay.ivf"), frames: deltas, description });
    expect(count(known, "droppable")).toBe(5);
  });

  test("takes parameter sets alone for configuration", () => {
    const { frames } = clip("h264-pyramid.h264");
    const bytes = frames[0] ?? new Uint8Array();
    const idr = bytes.findIndex((byte, index) => byte === 0x65 && bytes[index - 1] === 1);
    expect(classify("h264")(bytes.subarray(0, idr - 4))).toBe("config");
    // A picture nobody refers to may still carry them.
    const carried = Uint8Array.of(...bytes.subarray(0, idr - 4), 0, 0, 0, 1, 0x01, 0x9e);
    expect(classify("h264")(carried)).toBe("delta");
  });
});

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

describe.skipIf(!hasFfmpeg)("dropping (needs ffmpeg)", () => {
  const formats: Readonly<Record<string, string>> = { ivf: "ivf", h264: "h264", h265: "hevc" };

  /** The hash of every picture ffmpeg makes of the frames kept, with its time where there is one. */
  function pictures({ bytes, frames, format }: Clip, keeps: (index: number) => boolean): string[] {
    const kept: Uint8Array[] = [];
    let at = IVF_HEADER_BYTES;
    if (format === "ivf") kept.push(bytes.subarray(0, at));
    for (const [index, frame] of frames.entries()) {
      const header = format === "ivf" ? bytes.subarray(at, at + IVF_FRAME_HEADER_BYTES) : [];
      if (keeps(index)) kept.push(Uint8Array.from(header), frame);
      at += IVF_FRAME_HEADER_BYTES + frame.length;
    }
    const input = ["-nostdin", "-v", "error", "-threads", "1", "-f", formats[format] ?? format];
    const output = ["-fps_mode", "passthrough", "-copyts", "-f", "framemd5", "-"];
    const { stdout } = spawnSync("ffmpeg", [...input, "-i", "pipe:0", ...output], {
      input: Buffer.concat(kept),
      encoding: "utf8",
    });
    const lines = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return lines.map((line) => {
      const [, , time, , , hash] = line.split(/,\s*/u);
      return format === "ivf" ? `${time} ${hash}` : `${hash}`;
    });
  }

  /** Whether exactly the dropped pictures are missing from `whole`, and no other has changed. */
  const isIntact = (rest: readonly string[], whole: readonly string[], drops: number): boolean => {
    let found = 0;
    for (const picture of whole) if (picture === rest[found]) found++;
    return found === rest.length && found === whole.length - drops;
  };

  test.each(names.filter((name) => !name.endsWith("mp4") && droppableFrames[name]))(
    "leaves the other pictures of %s as they are",
    (name) => {
      const source = clip(name);
      const kinds = kindsOf(source);
      const whole = pictures(source, () => true);
      const rest = pictures(source, (index) => kinds[index] !== "droppable");
      expect(new Set(whole).size).toBe(source.frames.length);
      expect(isIntact(rest, whole, count(kinds, "droppable"))).toBe(true);
    },
  );

  test("changes other pictures of a VP9 stream that is not error resilient", () => {
    const source = clip("vp9-layers-linked.ivf");
    const lines = text("vp9-layers-linked.ivf.headers").trim().split("\n");
    const refreshesNothing = lines.map((line) => line.includes("refresh_frame_flags=0"));
    const drops = refreshesNothing.filter(Boolean).length;
    const whole = pictures(source, () => true);
    const rest = pictures(source, (index) => !refreshesNothing[index]);
    expect(drops).toBeGreaterThan(5);
    expect(isIntact(rest, whole, drops)).toBe(false);
  });
});

describe("classify() on damaged frames", () => {
  const LIMIT_MS = 60_000;
  const clips = names.map(clip);
  const codecs = ["vp8", "vp9", "h264", "h265", "av1"];

  /** The kind, or the code of the error. */
  const outcome = (read: () => FrameKind): string => {
    try {
      return read();
    } catch (error) {
      if (error instanceof SpillwayError && error.message.startsWith("Cannot classify frame: ")) {
        return error.code;
      }
      throw error;
    }
  };
  const outcomes = ["key", "delta", "droppable", "config", "SPW_ERR_CHUNK"];

  test("gives a kind or says that it cannot", { timeout: LIMIT_MS }, () => {
    const seen = new Set<string>();
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
    const startCoded = bytes.map((tail) => Uint8Array.of(0, 0, 0, 1, ...tail));
    const property = fc.property(
      fc.constantFrom(...codecs),
      fc.array(fc.oneof(bytes, startCoded), { maxLength: 4 }),
      (codec, frames) => {
        const kindOf = classify(codec);
        for (const frame of frames) seen.add(outcome(() => kindOf(frame)));
      },
    );
    fc.assert(property, { numRuns: 5_000 });
    for (const result of seen) expect(outcomes).toContain(result);
    expect(seen.size).toBe(outcomes.length);
  });

  test("reads real frames cut or changed anywhere", { timeout: LIMIT_MS }, () => {
    const seen = new Set<string>();
    const property = fc.property(
      fc.constantFrom(...clips),
      fc.nat(),
      fc.nat(),
      fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 255 })), { maxLength: 3 }),
      ({ codec, description, frames }, which, length, changes) => {
        const kindOf = classify(codec, { description });
        kindOf(frames[0] as Uint8Array);
        const frame = Uint8Array.from(frames[which % frames.length] ?? []);
        for (const [at, value] of changes) if (at < frame.length) frame[at] = value;
        const cut = frame.subarray(0, 1 + (length % frame.length));
        const result = outcome(() => kindOf(cut));
        seen.add(result);
        expect(outcomes).toContain(result);
      },
    );
    fc.assert(property, { numRuns: 5_000 });
    expect(seen).toContain("SPW_ERR_CHUNK");
  });

  test("reads nothing beside the frame", () => {
    const property = fc.property(
      fc.constantFrom(...clips),
      fc.nat(),
      fc.nat(),
      fc.nat({ max: 255 }),
      ({ codec, description, frames }, which, length, around) => {
        const frame = frames[which % frames.length] ?? new Uint8Array();
        const cut = frame.slice(0, 1 + (length % frame.length));
        const buffer = new Uint8Array(cut.length + 64).fill(around);
        buffer.set(cut, 32);
        const alone = classify(codec, { description });
        const amid = classify(codec, { description });
        expect(outcome(() => amid(buffer.subarray(32, 32 + cut.length)))).toBe(
          outcome(() => alone(cut)),
        );
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });
});
