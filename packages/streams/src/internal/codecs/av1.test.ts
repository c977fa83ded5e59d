import { describe, expect, test } from "vitest";
import { av1 } from "./av1.ts";

function pack(bits: string): number[] {
  const digits = bits.replaceAll(" ", "");
  const bytes = digits.padEnd(Math.ceil(digits.length / 8) * 8, "0").match(/.{8}/gu) ?? [];
  return Array.from(bytes, (byte) => Number.parseInt(byte, 2));
}

const [SEQUENCE, DELIMITER, FRAME_HEADER, PADDING, FRAME] = [1, 2, 3, 15, 6];
const obu = (type: number, bits = ""): number[] => {
  const payload = pack(bits);
  return [(type << 3) | 2, payload.length, ...payload];
};
const unit = (...units: number[][]): Uint8Array => Uint8Array.from(units.flat());

interface Sequence {
  readonly timing?: string;
  readonly points?: string;
  readonly ids?: string;
  readonly orderHint?: string;
  readonly tools?: string;
}

/** A sequence header; by default 64 × 64, 7 bits of order hint, each frame choosing its tools. */
const sequence = ({
  timing = "0",
  points = `0 00000 ${"0".repeat(12)} 00000`,
  ids = "0",
  orderHint = "1 11",
  tools = "1 1 110",
}: Sequence = {}): number[] =>
  obu(
    SEQUENCE,
    `000 0 0 ${timing} ${points} 0101 0101 111111 111111 ${ids} 111 1111 ${orderHint} ${tools}`,
  );

const KEY = obu(FRAME, "0 00 1");
const DELAYED_KEY = obu(FRAME, "0 00 0 1 0 0 0 0 0000000 00000001");
const SHOW_EXISTING = obu(FRAME_HEADER, "1 010");
const REFRESHES = "00000000";
/** A shown inter frame up to its refresh flags, for the sequence above. */
const inter = (refreshes = REFRESHES, before = "0 0 0 0 0000000 000"): number[] =>
  obu(FRAME, `0 01 1 ${before} ${refreshes} 1`);

/** The kind of an inter frame in a sequence. */
const kindIn = (header: number[], frame: number[]): string => {
  const read = av1();
  read(unit(obu(DELIMITER), header, KEY));
  return read(unit(obu(DELIMITER), frame));
};
const damaged = expect.objectContaining({ code: "SPW_ERR_CHUNK" });

describe("av1()", () => {
  test("tells the kinds of temporal units", () => {
    const read = av1();
    const kinds = [
      [obu(DELIMITER), sequence(), KEY],
      [obu(DELIMITER), inter()],
      [obu(DELIMITER), inter("00000001")],
      [inter(), inter()],
      [inter(), inter("10000000")],
      [inter("10000000"), inter()],
      [sequence(), inter()],
      [SHOW_EXISTING],
      [DELAYED_KEY],
      [inter(), KEY],
      [KEY, inter("10000000")],
      [obu(DELIMITER), sequence()],
      [obu(PADDING)],
    ].map((units) => read(unit(...units)));
    expect(kinds).toEqual(
      "key droppable delta droppable delta delta delta delta delta delta key config config".split(
        " ",
      ),
    );
  });

  test("reads a hidden frame's flags", () => {
    const hidden = (refreshes: string): number[] =>
      obu(FRAME, `0 01 0 1 0 0 0 0 0000000 000 ${refreshes}`);
    expect(kindIn(sequence(), hidden("00000000"))).toBe("droppable");
    expect(kindIn(sequence(), hidden("00000001"))).toBe("delta");
  });

  // Each header moves the flags by some bits: 1s around them show that the right 8 are read.
  test.each([
    ["error resilient", {}, "1 1 0 1 1111111"],
    ["with screen content", {}, "0 1 1 1 1 1111111 111"],
    ["without order hints", { orderHint: "0", tools: "1 1" }, "0 1 0 1 111"],
    ["with frame ids", { ids: "1 0110 010" }, `0 1 0 ${"1".repeat(11)} 1 1111111 111`],
    ["with fixed screen content", { tools: "0 1 1 110" }, "0 1 1 1 1111111 111"],
    ["with fixed motion vectors", { tools: "0 1 0 1 110" }, "0 1 1 1111111 111"],
    ["without screen content", { tools: "0 0 110" }, "0 1 1 1111111 111"],
    ["with timing", { timing: `1 ${"01".repeat(32)} 0 0` }, "0 1 0 1 1111111 111"],
    ["with equal intervals", { timing: `1 ${"01".repeat(32)} 1 0001011 0` }, "0 1 0 1 1111111 111"],
    [
      "with operating points",
      { points: `1 00001 ${"01".repeat(6)} 01000 1 1 0101 ${"10".repeat(6)} 00111 0` },
      "0 1 0 1 1111111 111",
    ],
  ])("finds the refresh flags %s", (_, options, before) => {
    expect(kindIn(sequence(options), inter("00000000", before))).toBe("droppable");
    expect(kindIn(sequence(options), inter("00000001", before))).toBe("delta");
    expect(kindIn(sequence(options), inter("10000000", before))).toBe("delta");
  });

  test("finds the refresh flags of an intra-only frame", () => {
    const intra = (refreshes: string): number[] =>
      obu(FRAME, `0 10 1 0 1 0 1 1111111 ${refreshes}1`);
    expect(kindIn(sequence(), intra("00000000"))).toBe("droppable");
    expect(kindIn(sequence(), intra("00000001"))).toBe("delta");
  });

  test("calls everything but keys a delta where it cannot tell", () => {
    expect(av1()(unit(inter()))).toBe("delta");
    const model = sequence({ timing: `1 ${"01".repeat(32)} 0 1` });
    expect(kindIn(model, inter())).toBe("delta");
    expect(kindIn(sequence(), obu(FRAME, `0 11 1 ${"0".repeat(40)}`))).toBe("delta");
  });

  test("knows still pictures", () => {
    const still = obu(SEQUENCE, "000 1 1");
    expect(av1()(unit(still, obu(FRAME, "0")))).toBe("key");
  });

  test("takes the sequence header from the configuration record", () => {
    expect(av1(unit(sequence()))(unit(inter()))).toBe("droppable");
  });

  test("reads OBUs with an extension, or without a size at the end", () => {
    const [, length = 0, ...payload] = inter();
    const read = av1(unit(sequence()));
    expect(read(unit([(FRAME << 3) | 6, 0x20, length, ...payload]))).toBe("droppable");
    expect(read(unit(obu(DELIMITER), [FRAME << 3, ...payload]))).toBe("droppable");
    expect(read(unit([(FRAME << 3) | 2, 0x80 | length, 0x80, 0, ...payload]))).toBe("droppable");
  });

  test.each([
    ["a forbidden bit", [0x80, 0]],
    ["an OBU past the end", [(FRAME << 3) | 2, 9, 0]],
    ["a size cut off", [(FRAME << 3) | 2, 0x80]],
    ["a size that does not end", [(FRAME << 3) | 2, ...Array.from({ length: 9 }, () => 0x80)]],
    ["an extension cut off", [(FRAME << 3) | 4]],
    ["a header cut off", [...sequence(), ...obu(FRAME, "0 01 1 0 0 0 0")]],
    ["an endless number", obu(SEQUENCE, `000 0 0 1 ${"0".repeat(64)} 1 ${"0".repeat(40)}`)],
  ])("refuses %s", (_, bytes) => {
    expect(() => av1()(Uint8Array.from(bytes))).toThrow(damaged);
  });
});
