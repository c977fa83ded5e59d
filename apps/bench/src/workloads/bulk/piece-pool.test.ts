import { describe, expect, test } from "vitest";
import { PiecePool } from "./piece-pool.ts";

/** Takes so many, and gives them all back. */
function round(pool: PiecePool, pieces: number): void {
  pool.begin();
  const taken = Array.from({ length: pieces }, () => pool.take());
  for (const piece of taken) if (!(piece instanceof Promise)) pool.release(piece);
}

describe("PiecePool", () => {
  test("hands out the same pieces again, and lets wait when they are all on their way", async () => {
    const pool = new PiecePool();
    round(pool, 16);
    pool.begin();
    const taken = Array.from({ length: 4 }, () => pool.take());
    expect(taken.every((piece) => Buffer.isBuffer(piece))).toBe(true);
    const waited = pool.take();
    expect(waited).toBeInstanceOf(Promise);
    pool.release(taken[0] as Buffer);
    await expect(waited).resolves.toBe(taken[0]);
  });

  test("refuses a connection that keeps what it was lent", () => {
    const pool = new PiecePool();
    pool.begin();
    void pool.take();
    expect(() => pool.begin()).toThrow("1 were sent and 0 came back");
  });

  test("refuses a connection that gives a piece back twice", () => {
    const pool = new PiecePool();
    pool.begin();
    const piece = pool.take();
    if (piece instanceof Promise) throw new TypeError("want a piece");
    pool.release(piece);
    pool.release(piece);
    expect(() => pool.begin()).toThrow("1 were sent and 2 came back");
  });
});
