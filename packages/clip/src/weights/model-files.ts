/** Which of a model's files hold its weights: one file, or an index and the files it names. */
export type ModelFiles =
  | { readonly file: string; readonly index?: undefined }
  | { readonly index: string; readonly file?: undefined };

const openClipFiles: readonly string[] = ["open_clip_model.safetensors", "open_clip_model.safetensors.index.json"];

// In this order: safetensors before pickles, Hugging Face's names before open_clip's.
const weightFiles: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  ...openClipFiles,
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "open_clip_pytorch_model.bin",
];

const weightEndings = [/\.safetensors$/, /\.(pt|pth|bin|ckpt)$/];

/** Files that say what weights do not: activation and colours. */
export const configFiles = ["config.json", "preprocessor_config.json", "open_clip_config.json"] as const;

/**
 * The file of weights, or their index, among the names of a folder's files, where it has a name that Hugging Face or open_clip
 * give: safetensors before PyTorch's. Where open_clip has described the model, its file comes before `model.safetensors`,
 * which in timm's repositories is the image tower alone.
 *
 * @example
 * ```ts
 * import { findModelFile } from "@locoop/clip/node";
 *
 * console.log(findModelFile(["config.json", "pytorch_model.bin", "model.safetensors"])); // → model.safetensors
 * ```
 */
export function findModelFile(names: readonly string[]): string | undefined {
  const wanted = names.includes("open_clip_config.json") ? [...openClipFiles, ...weightFiles] : weightFiles;
  return wanted.find((name) => names.includes(name));
}

/** Whether configuration files of a folder belong to this file of weights in it. */
export function isConfigured(file: string, names: readonly string[]): boolean {
  if (weightFiles.includes(file)) return true;
  // Many programs have a config.json; these names are models' own.
  if (!names.includes("open_clip_config.json") && !names.includes("preprocessor_config.json")) return false;
  const weights = names.filter((name) => weightEndings.some((ending) => ending.test(name)));
  return weights.length === 1 && weights[0] === file;
}

/**
 * Finds the weights among the names of a folder's files: those of a known name, the only index, or the only file of safetensors
 * or PyTorch.
 *
 * @throws one line: none, several files, parts without their index
 * @example
 * ```ts
 * import { chooseModelFiles } from "@locoop/clip/node";
 *
 * console.log(chooseModelFiles(["README.md", "ViT-B-16.pt"]).file); // → ViT-B-16.pt
 * ```
 */
export function chooseModelFiles(names: readonly string[]): ModelFiles {
  const known = findModelFile(names);
  if (known !== undefined) return asModelFiles(known);
  const indices = names.filter((name) => name.endsWith(".index.json"));
  if (indices.length === 1) return asModelFiles(indices[0] as string);
  for (const ending of weightEndings) {
    const [only, ...more] = names.filter((name) => ending.test(name)).sort();
    if (only === undefined) continue;
    if (more.length === 0) return { file: only };
    const kind = ending.test(".safetensors") ? ".safetensors" : "PyTorch";
    throw new Error(
      /-\d{5}-of-\d{5}\./.test(only)
        ? `the folder has ${more.length + 1} parts of a model (${only}, ...) without their index; get its .index.json, too`
        : `the folder has several ${kind} files (${[only, ...more].slice(0, 3).join(", ")}); give the path of one`,
    );
  }
  if (names.some((name) => name === "prompt_learner" || /^model\.pth\.tar-\d+$/.test(name))) {
    throw new Error(
      "the folder holds a learned prompt, not a CLIP's weights: give it as the checkpoint (--checkpoint), and as weights the CLIP that it was learned with",
    );
  }
  throw new Error(
    `the folder has no weights; expected ${weightFiles[0]}, open_clip_model.safetensors, pytorch_model.bin, or one file of safetensors or PyTorch`,
  );
}

export function asModelFiles(name: string): ModelFiles {
  return name.endsWith(".index.json") ? { index: name } : { file: name };
}
