import * as web from "onnxruntime-web";
import { describeEngine } from "../describe-engine.js";
import { onnxEngine } from "./index.js";

describeEngine({ name: "onnx cpu", open: () => onnxEngine({ threads: 1 }) });

web.env.wasm.numThreads = 1;
describeEngine({ name: "onnx web, wasm", open: () => onnxEngine({ runtime: web }) });
