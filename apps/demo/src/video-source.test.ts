import { spawnSync } from "node:child_process";
import { chmod, copyFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Picture } from "./picture.ts";
import { openVideo } from "./video-source.ts";

const clip = fileURLToPath(new URL("../clip/spillway.ivf", import.meta.url));
const path = process.env["PATH"] ?? "";
const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

let folder: string;
let stopped: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-"));
  stopped = new AbortController();
});
afterEach(async () => {
  stopped.abort();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const open = async (source?: string): Promise<ReadableStream<Picture>> =>
  (await openVideo(source, { signal: stopped.signal })).pictures;

/** Puts a program named `ffmpeg` first in the path; it gets the arguments of the real one. */
async function fakeFfmpeg(script: string): Promise<void> {
  await writeFile(join(folder, "ffmpeg"), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, "ffmpeg"), 0o755);
  vi.stubEnv("PATH", `${folder}:${path}`);
}

async function readAll(readable: ReadableStream<Picture>): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for await (const picture of readable) pictures.push(picture);
  return pictures;
}

async function refusal(opening: Promise<unknown>): Promise<string> {
  const error: unknown = await opening.then(
    () => expect.fail("it opened"),
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ name: "SpillwayError", code: "SPW_ERR_SOURCE" });
  return (error as Error).message;
}

describe("openVideo() with a clip", () => {
  test.each([
    ["plays the built-in clip in three qualities", undefined, [320_000, 900_000, 2_400_000]],
    ["plays an IVF file", clip, [2_400_000]],
  ])("%s", async (_what, source, expected) => {
    const video = await openVideo(source, { signal: stopped.signal });
    expect(video.bitsPerSecond).toHaveLength(expected.length);
    for (const [layer, bitsPerSecond] of expected.entries()) {
      expect((video.bitsPerSecond[layer] ?? NaN) / bitsPerSecond).toBeGreaterThan(0.8);
      expect((video.bitsPerSecond[layer] ?? NaN) / bitsPerSecond).toBeLessThan(1.2);
    }
    const reader = video.pictures.getReader();
    for (const sequence of [0, 1]) {
      for (const layer of expected.keys()) {
        const { value } = await reader.read();
        expect(value).toMatchObject({ sequence, key: sequence === 0, layer });
      }
    }
    await reader.cancel();
  });

  test("ends with the reason of the signal", async () => {
    const reader = (await open(clip)).getReader();
    await reader.read();
    const next = reader.read();
    const reason = new Error("enough");
    stopped.abort(reason);
    await expect(next).rejects.toBe(reason);
    await expect(open()).rejects.toBe(reason);
  });

  test("says that a file is missing", async () => {
    const message = await refusal(open(join(folder, "none.ivf")));
    expect(message).toMatch(/^Cannot read the clip: ENOENT/u);
  });

  test("says what is wrong with a file", async () => {
    const file = join(folder, "text.ivf");
    await writeFile(file, "just some text");
    expect(await refusal(open(file))).toBe(
      'Cannot read IVF video: it starts with "just", want "DKIF"',
    );
  });
});

describe("openVideo() with ffmpeg", () => {
  test("numbers what the program writes, and ends with it", async () => {
    await fakeFfmpeg(`cat '${clip}'`);
    const pictures = await readAll(await open("rtsp://camera/1"));
    expect(pictures.map(({ sequence }) => sequence)).toEqual([...Array(300).keys()]);
    expect(pictures.filter(({ key }) => key)).toHaveLength(10);
  });

  test.each([
    ["an address as it comes", "rtsp://camera/1", "-error -i rtsp://camera/1 "],
    ["a name with a dash and a space", "-y $(touch gone)", "-error -i -y $(touch gone) "],
  ])("hands over %s", async (_what, source, expected) => {
    await fakeFfmpeg('echo "$@" >&2; exit 3');
    const message = await refusal(open(source));
    expect(message).toContain(expected.slice(1));
    expect(message).not.toContain("-re ");
    expect(await readdir(folder)).toEqual(["ffmpeg"]);
  });

  test("plays a file at its own speed", async () => {
    await fakeFfmpeg('echo "$@" >&2; exit 3');
    const file = join(folder, "film.mkv");
    await copyFile(clip, file);
    expect(await refusal(open(file))).toContain(`-re -stream_loop -1 -i ${file} `);
  });

  test("gives the last line the program wrote when it fails", async () => {
    await fakeFfmpeg("echo first >&2; echo 'nothing here: No such file or directory' >&2; exit 1");
    expect(await refusal(open("nothing here"))).toBe(
      "Cannot read nothing here with ffmpeg: nothing here: No such file or directory",
    );
  });

  test("says so when the program fails half way", async () => {
    await fakeFfmpeg(`head -c 100000 '${clip}'; echo 'lost the camera' >&2; exit 1`);
    const readable = await open("rtsp://camera/1");
    expect(await refusal(readAll(readable))).toContain("lost the camera");
  });

  test("says so when the program is missing", async () => {
    vi.stubEnv("PATH", folder);
    expect(await refusal(open("rtsp://camera/1"))).toBe(
      "Cannot start ffmpeg for rtsp://camera/1: it is not installed",
    );
  });

  test("says so when there are no pictures", async () => {
    await fakeFfmpeg(`head -c 32 '${clip}'`);
    expect(await refusal(open("song.mp3"))).toBe("Cannot read song.mp3: it has no pictures");
  });

  // One frame, then silence: the read waits until somebody ends it.
  const silent = `echo $$ > pid; head -c 60000 '${clip}'; exec sleep 60`;

  test("stops the program when the stream is cancelled", async () => {
    await fakeFfmpeg(silent.replace("pid", `'${folder}/pid'`));
    const reader = (await open("rtsp://camera/1")).getReader();
    await reader.read();
    void reader.read().catch(() => {});
    await reader.cancel();
    await vi.waitFor(() => expect(isRunning()).resolves.toBe(false));
  });

  test("stops the program when the signal aborts", async () => {
    await fakeFfmpeg(silent.replace("pid", `'${folder}/pid'`));
    const readable = await open("rtsp://camera/1");
    const end = readAll(readable);
    const reason = new Error("enough");
    stopped.abort(reason);
    await expect(end).rejects.toBe(reason);
    await vi.waitFor(() => expect(isRunning()).resolves.toBe(false));
  });

  async function isRunning(): Promise<boolean> {
    const pid = spawnSync("cat", [join(folder, "pid")])
      .stdout.toString()
      .trim();
    expect(pid).toMatch(/^\d+$/u);
    return spawnSync("kill", ["-0", pid]).status === 0;
  }

  test.skipIf(!hasFfmpeg)("plays any file the real program understands", async () => {
    const file = join(folder, "film");
    await copyFile(clip, file);
    const reader = (await open(file)).getReader();
    const first = (await reader.read()).value;
    expect(first).toMatchObject({ sequence: 0, key: true });
    expect(first?.payload.byteLength).toBeGreaterThan(1_000);
    expect((await reader.read()).value).toMatchObject({ sequence: 1, key: false });
    await reader.cancel();
  });
});
