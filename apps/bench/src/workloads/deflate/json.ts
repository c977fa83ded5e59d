/** 1 KiB as telemetry looks: names that come again, figures that do not. */
export const json: string = JSON.stringify({
  device: "spillway-bench",
  readings: Array.from({ length: 30 }, (_, index) => ({
    sensor: `s${index + 10}`,
    value: Math.imul(index + 1, 0x9e_37_79_b1) >>> 12,
  })),
}).padEnd(1024);

/** Each burst in a turn of its own. */
export async function inTurns(
  bursts: number,
  burst: number,
  publish: (message: string) => void,
): Promise<void> {
  for (let done = 0; done < bursts; done++) {
    for (let sent = 0; sent < burst; sent++) publish(json);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Both agree to it, so that what is compressed once is right for everybody. */
export const DEFLATE = {
  perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
};
