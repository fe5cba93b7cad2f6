export { referenceEngine, referenceOps, type Doubles } from "./engines/reference/index.js";
