// node onnx_run.js MODEL BATCH SIZE < INPUT > OUTPUT: runs an ONNX model on little-endian floats (N, 3,
// SIZE, SIZE) in batches of BATCH; prints the logits as a JSON array of arrays.
const ort = require("onnxruntime-node");
const fs = require("fs");

async function main() {
  const [model, batch, size] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const bytes = fs.readFileSync(0);
  const input = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const each = 3 * size * size;
  const rows = [];
  for (let at = 0; at < input.length; at += batch * each) {
    const part = input.subarray(at, Math.min(at + batch * each, input.length));
    const count = part.length / each;
    const { logits } = await session.run({ input: new ort.Tensor("float32", part, [count, 3, size, size]) });
    const classes = logits.data.length / count;
    for (let i = 0; i < count; i++) {
      rows.push(Array.from(logits.data.slice(i * classes, (i + 1) * classes)));
    }
  }
  process.stdout.write(JSON.stringify(rows));
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
