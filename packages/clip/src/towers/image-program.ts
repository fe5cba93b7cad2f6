import type { ClipConfig, WeightMap } from "../config.js";
import type { Program } from "../engines/engine.js";
import type { Observer } from "./layers.js";
import { modifiedResNet } from "./modified-resnet.js";
import { readResNet } from "./resnet-layers.js";
import { visionTransformer } from "./vision-transformer.js";

/** What an image tower's program is to take (bytes or normalised floats) and give. */
export interface ImageProgramOptions {
  readonly local: boolean;
  readonly bytes: boolean;
  readonly observe?: Observer;
}

/** The programs of the image tower that a configuration asks for; those of one tower share its layers. */
export function imagePrograms({
  weights,
  config,
}: {
  weights: WeightMap;
  config: ClipConfig;
}): (options: ImageProgramOptions) => Program {
  if (config.vision.kind === "vit") return (options) => visionTransformer({ weights, config, ...options });
  const layers = readResNet(weights, config);
  return (options) => modifiedResNet({ weights, config, layers, ...options });
}
