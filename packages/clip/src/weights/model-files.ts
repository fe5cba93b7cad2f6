/** Which of a model's files hold its weights: one file, or an index and the files it names. */
export type ModelFiles =
  | { readonly file: string; readonly index?: undefined }
  | { readonly index: string; readonly file?: undefined };

// In this order: safetensors before pickles, Hugging Face's names before open_clip's.
const weightFiles = [
  "model.safetensors",
  "model.safetensors.index.json",
  "open_clip_model.safetensors",
  "open_clip_model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "open_clip_pytorch_model.bin",
] as const;

/** Files that say what weights do not: activation and colours. */
export const configFiles = ["config.json", "preprocessor_config.json", "open_clip_config.json"] as const;

/** Whether a model's configuration belongs to a file of this name, wherever it lies. */
export function isModelFile(name: string): boolean {
  return (weightFiles as readonly string[]).includes(name);
}

/** Finds the weights among the names of a folder's files; throws one line where that is not clear. */
export function chooseModelFiles(names: readonly string[]): ModelFiles {
  const known = weightFiles.find((name) => names.includes(name));
  if (known) return asModelFiles(known);
  const indices = names.filter((name) => name.endsWith(".index.json"));
  if (indices.length === 1) return asModelFiles(indices[0] as string);
  for (const ending of [/\.safetensors$/, /\.(pt|pth|bin|ckpt)$/]) {
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
