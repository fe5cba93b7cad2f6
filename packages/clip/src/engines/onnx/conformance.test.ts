import { describeEngine } from "../describe-engine.js";
import { onnxEngine } from "./index.js";

describeEngine({ name: "onnx cpu", open: () => onnxEngine({ threads: 1 }) });
