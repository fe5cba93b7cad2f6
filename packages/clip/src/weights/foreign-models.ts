import { printable } from "./printable.js";

interface Shapes {
  readonly size: number;
  has(name: string): boolean;
  keys(): Iterable<string>;
  get(name: string): { readonly shape: readonly number[] } | undefined;
}

interface Mistake {
  readonly what: string;
  readonly advice: string;
  /** Any of these names (whole, or begins with, where it ends in a dot) tells the model. */
  readonly marks: readonly string[];
}

const useClip = "use a CLIP of OpenAI, open_clip or Hugging Face (CLIPModel)";
const bothTowers = "a CLIP has two; use the file of the whole CLIPModel";

// Most telling first: the names of one kind of model are often part of another's.
const mistakes: readonly Mistake[] = [
  {
    what: "LoRA adapters",
    advice: "merge them into their CLIP and save that",
    marks: [".lora_A.", ".lora_B.", ".lora_down.", ".lora_up.", "lora_unet_", "lora_te_"],
  },
  {
    what: "a whole Stable Diffusion model",
    advice: useClip,
    marks: ["model.diffusion_model.", "cond_stage_model.", "first_stage_model.", "down_blocks.", "conditioner."],
  },
  {
    what: "a BLIP",
    advice: useClip,
    marks: ["visual_encoder.", "text_decoder.bert.", "qformer.", "Qformer.", "itm_head."],
  },
  { what: "a CoCa", advice: useClip, marks: ["text_decoder.", "visual.attn_pool.", "visual.attn_pool_contrastive."] },
  {
    what: "a SigLIP",
    advice: `it compares pictures and texts in another way; ${useClip}`,
    marks: ["logit_bias", "vision_model.head.attention.", "visual.trunk.attn_pool."],
  },
  {
    what: "an open_clip model whose image tower is from timm",
    advice: `only OpenAI's own towers (ViT, ModifiedResNet) are read; ${useClip}`,
    marks: ["visual.trunk."],
  },
  { what: "an EVA-CLIP", advice: useClip, marks: ["visual.blocks.", "visual.patch_embed."] },
  {
    what: "a CLIP whose text tower is another language model",
    advice: `only CLIP's own text tower is read; ${useClip}`,
    marks: [
      "transformer.embeddings.",
      "transformer.encoder.",
      "text_model.embeddings.word_embeddings.",
      "text_model.roberta.",
      "bert.embeddings.",
    ],
  },
  { what: "a CLIPSeg", advice: useClip, marks: ["decoder.film_mul.", "decoder.reduces."] },
  {
    what: "a language model",
    advice: useClip,
    marks: ["model.embed_tokens.", "lm_head.", "wte.", "transformer.wte.", "embeddings.word_embeddings."],
  },
  {
    what: "a plain vision transformer (timm, torchvision, DINO or MAE)",
    advice: `it has no text tower; ${useClip}`,
    marks: ["cls_token", "patch_embed.", "class_token", "vit.embeddings.", "conv_proj."],
  },
  {
    what: "a plain ResNet (torchvision or timm)",
    advice: `it has no text tower; ${useClip}, such as RN50`,
    marks: ["layer1.0.conv1.weight", "resnet.layer1.", "backbone.layer1."],
  },
];

/**
 * One line, without the file, on what tensors that are no CLIP's probably are: another model, or a part of a CLIP. `undefined`
 * where both towers of a CLIP are there, whatever else is wrong with them.
 */
export function describeMistake(tensors: Shapes): string | undefined {
  const names = [...tensors.keys()];
  if (names.length === 0) return "the file has no tensors; expected the weights of a CLIP";
  const context = names.find((name) => /(^|\.)(ctx|contexts?)$/.test(name));
  if (context !== undefined || names.some((name) => /(^|\.)token_(prefix|suffix)$/.test(name))) {
    const shape =
      context === undefined
        ? ""
        : ` (${printable(context, 80)} [${printable(String(tensors.get(context)?.shape), 80)}])`;
    return `this is a learned prompt${shape}, not a CLIP's weights: give it as the checkpoint (--checkpoint), and as weights the CLIP that it was learned with`;
  }
  const mistake = mistakes.find(({ marks }) => marks.some((mark) => names.some((name) => bears(name, mark))));
  if (mistake) return `these weights are not a CLIP's: they look like ${mistake.what}; ${mistake.advice}`;
  const text = tensors.has("token_embedding.weight");
  const image = tensors.has("visual.conv1.weight");
  if (text && image) return undefined;
  if (text || names.some((name) => name.startsWith("transformer.resblocks."))) {
    return `this is only the text tower of a CLIP (as diffusers keeps one as text_encoder): ${bothTowers}`;
  }
  if (image) return `this is only the image tower of a CLIP: ${bothTowers}`;
  const examples = names
    .slice(0, 3)
    .map((name) => printable(name, 80))
    .join(", ");
  return (
    `these weights are not a CLIP's: among its ${names.length} ${names.length > 1 ? "tensors" : "tensor"} (${examples}${names.length > 3 ? ", ..." : ""}) are neither ` +
    "visual.conv1.weight nor token_embedding.weight. Expected the names of OpenAI's CLIP, open_clip or Hugging Face's CLIPModel"
  );
}

function bears(name: string, mark: string): boolean {
  if (mark.startsWith(".")) return name.includes(mark);
  return mark.endsWith(".") || mark.endsWith("_") ? name.startsWith(mark) : name === mark;
}
