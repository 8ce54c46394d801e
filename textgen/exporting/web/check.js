// Read texts with an exported model, and report the probabilities after each token: `textgen export`
// runs this after the engine, in one module, and compares them with its own. `input` is {model, texts:
// [{label, ids}]}, and `report` takes the answer as JSON.

try {
  const model = await textgen.load(input.model);
  const rows = [];
  for (const { label, ids } of input.texts) {
    model.reset(label);
    for (const id of ids) {
      model.step(id);
      rows.push(Float32Array.from(model.probabilities()));
    }
  }
  const bytes = new Uint8Array(await new Blob(rows).arrayBuffer());
  let data = "";
  for (let start = 0; start < bytes.length; start += 24000) {
    data += btoa(String.fromCharCode(...bytes.subarray(start, start + 24000)));
  }
  report(JSON.stringify({ probabilities: data }));
} catch (error) {
  report(JSON.stringify({ error: String(error) }));
}
