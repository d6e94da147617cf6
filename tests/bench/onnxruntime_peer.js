// What dcls is compared with: an ONNX model in ONNX Runtime on synthetic images of 224x224, one thread.
// node onnxruntime_peer.js FILE.onnx BATCH STEPS: one JSON line; the first three steps are not timed.
const fs = require('fs');
const ort = require('onnxruntime-node');
const [file, batch, steps] = [process.argv[2], +process.argv[3], +process.argv[4]];

async function main() {
  const session = await ort.InferenceSession.create(
    file, { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
  const images = new Float32Array(batch * 3 * 224 * 224).map(() => 2 * Math.random() - 1);
  const x = new ort.Tensor('float32', images, [batch, 3, 224, 224]);
  const seconds = [];
  for (let i = -3; i < steps; i++) {
    const start = process.hrtime.bigint();
    await session.run({ x });
    if (i >= 0)
      seconds.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  seconds.sort((a, b) => a - b);
  const half = seconds.length >> 1;
  const median = seconds.length % 2 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
  const peak = /VmHWM:\s*(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1] * 1024;
  console.log(JSON.stringify({ median_s: median, images_per_second: batch / median, peak_bytes: peak }));
}

main();
