/** 1 KiB as telemetry looks: names that come again, figures that do not. */
export const json: string = JSON.stringify({
  device: "spillway-bench",
  readings: Array.from({ length: 30 }, (_, index) => ({
    sensor: `s${index + 10}`,
    value: Math.imul(index + 1, 0x9e_37_79_b1) >>> 12,
  })),
}).padEnd(1024);

/** Both agree to it, so that what is compressed once is right for everybody. */
export const DEFLATE = {
  perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
};
