#!/usr/bin/env node
const { main } = await import("../dist/cli/main.js").catch((error) => {
  if (error.code === "ERR_MODULE_NOT_FOUND" && String(error.message).includes("dist/cli/main.js"))
    console.error("locoop: not built yet; run `npm run build` first");
  else console.error(error);
  process.exit(1);
});
process.exitCode = await main(process.argv.slice(2));
