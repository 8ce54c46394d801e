// An exported page, in a browser: this script is in the page before its own ones.

const byId = (id) => document.getElementById(id);

/** Resolves to the seconds after which the page could generate, since it was asked for. */
globalThis.ready = new Promise((resolve, reject) => {
  const look = () => {
    const seconds = performance.now() / 1000;
    if (byId("generate")?.getAttribute("aria-disabled") === "false") resolve(seconds);
    else if (seconds > 30) reject(new Error("the page does not become ready"));
    else setTimeout(look, 1);
  };
  look();
});

/** Characters per second on the page itself, as of programs that use `window.textgen`. */
globalThis.measureHere = async (seconds) => measureEngine(await textgen.load(), seconds);

/** Characters per second in a worker. */
globalThis.measureInWorker = async (seconds) => {
  const script = [
    byId("engine").textContent,
    `const measure = ${measure}; const measureEngine = ${measureEngine};`,
    `onmessage = async ({ data: { source, seconds } }) =>
       postMessage(await measureEngine(await textgen.load(source), seconds));`,
  ];
  const address = URL.createObjectURL(new Blob(script, { type: "text/javascript" }));
  const worker = new Worker(address);
  const rate = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ source: byId("textgen-model").textContent, seconds });
  });
  worker.terminate();
  return rate;
};

/** Characters per second from the press of the button to the last one on the screen. */
globalThis.measureButton = async (length) => {
  const text = byId("text");
  const written = new Promise((resolve) => {
    const observer = new MutationObserver((changes) => {
      const wasBusy = changes.some(({ oldValue }) => oldValue === "true");
      if (!wasBusy || text.getAttribute("aria-busy") === "true") return;
      observer.disconnect();
      resolve();
    });
    observer.observe(text, { attributeFilter: ["aria-busy"], attributeOldValue: true });
  });
  byId("length").value = length;
  const began = performance.now();
  byId("generate").click();
  await written;
  if (byId("error").textContent) throw new Error(byId("error").textContent);
  await new Promise(requestAnimationFrame);
  return (text.textContent.length - byId("seed").value.length) / ((performance.now() - began) / 1000);
};
