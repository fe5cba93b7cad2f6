import * as web from "onnxruntime-web";
import { describeEngine } from "../describe-engine.js";
import { onnxEngine } from "./index.js";

describeEngine({ name: "onnx cpu", open: () => onnxEngine({ threads: 1 }) });

web.env.wasm.numThreads = 1;
describeEngine({ name: "onnx web, wasm", open: () => onnxEngine({ runtime: web }) });

// LOCOOP_WEBGPU=1 says that there is an adapter, if only a software one; a graphics card's arithmetic is less exact.
if (process.env.LOCOOP_WEBGPU === "1") {
  describeEngine({ name: "onnx webgpu", open: () => onnxEngine({ device: "webgpu" }), tolerance: 1e-4 });
}
