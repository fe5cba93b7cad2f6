/** A CLIP model as OpenAI published it: a TorchScript archive whose SHA-256 is part of its address. */
export interface PublishedModel {
  /** OpenAI's name, such as `ViT-B/16`. */
  readonly name: string;
  /** The file's name, such as `ViT-B-16.pt`. */
  readonly file: string;
  readonly url: string;
  /** Of the whole file, as hexadecimal. */
  readonly sha256: string;
}

const base = "https://openaipublic.azureedge.net/clip/models";

const published = (name: string, sha256: string): PublishedModel => {
  const file = `${name.replaceAll(/[/@]/g, "-")}.pt`;
  return { name, file, sha256, url: `${base}/${sha256}/${file}` };
};

/**
 * The nine CLIP models that OpenAI published, as `clip.available_models()` lists them. From openai/CLIP, `clip/clip.py`.
 *
 * @example
 * ```ts
 * import { publishedModels } from "@locoop/clip/node";
 *
 * console.log(publishedModels.length); // → 9
 * ```
 */
export const publishedModels: readonly PublishedModel[] = [
  published("RN50", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"),
  published("RN101", "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599"),
  published("RN50x4", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd"),
  published("RN50x16", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa"),
  published("RN50x64", "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c"),
  published("ViT-B/32", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
  published("ViT-B/16", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
  published("ViT-L/14", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
  published("ViT-L/14@336px", "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
];

// vit-b/16, ViT-B-16 and ViT_B_16 are one name; so are ViT-L/14@336px and open_clip's ViT-L-14-336.
const plain = (name: string): string => name.toLowerCase().replaceAll(/[/@_]/g, "-").replace(/px$/, "");

/**
 * The published model of a name, in OpenAI's spelling (`ViT-L/14@336px`) or a file's (`ViT-L-14-336px`, `ViT-L-14-336`), upper or
 * lower case; undefined for any other.
 *
 * @example
 * ```ts
 * import { findPublishedModel } from "@locoop/clip/node";
 *
 * console.log(findPublishedModel("vit-b-16")?.name); // → ViT-B/16
 * ```
 */
export function findPublishedModel(name: string): PublishedModel | undefined {
  return publishedModels.find((model) => plain(model.name) === plain(name));
}
