import { rebuildTensor } from "./rebuild-tensor.js";
import { cost, isKind, typeOf, type GlobalRef, type OpenObject, type Pickled, type TensorDtype } from "./pickled.js";

/** What a rule may use of the machine that runs the pickle. */
export interface RuleContext {
  /** Takes estimated memory on the account. */
  charge(bytes: number): void;
  /** An error that names the file. */
  refuse(why: string): Error;
  /** Counts a tensor of so many bytes once read. */
  countTensor(bytes: number): void;
}

/** What REDUCE (and NEWOBJ, for classes) makes of a global; without a rule it may only be named. */
interface GlobalRule {
  readonly call?: (args: readonly Pickled[], context: RuleContext, ref: GlobalRef) => Pickled;
  readonly isClass?: boolean;
}

const inert: GlobalRule = {
  isClass: true,
  call: (args, { charge }, { global }) => {
    charge(cost.object);
    const object: OpenObject = { kind: "object", global, args, state: null };
    return object;
  },
};
const nameOnly: GlobalRule = {};
const dict: GlobalRule = { isClass: true, call: (args, context, ref) => readPairs(args, context, ref) };
const first: GlobalRule = { call: ([value = null]) => value };

const storageTypes: Readonly<Record<string, TensorDtype>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

const optimizers =
  "Adafactor Muon adadelta.Adadelta adagrad.Adagrad adam.Adam adamw.AdamW adamax.Adamax asgd.ASGD lbfgs.LBFGS nadam.NAdam optimizer.Optimizer radam.RAdam rmsprop.RMSprop rprop.Rprop sgd.SGD sparse_adam.SparseAdam swa_utils.SWALR";
const schedulers =
  "_LRScheduler LRScheduler LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR LinearLR ExponentialLR SequentialLR PolynomialLR CosineAnnealingLR ChainedScheduler ReduceLROnPlateau CyclicLR CosineAnnealingWarmRestarts OneCycleLR";
const dassl =
  "lr_scheduler._BaseWarmupScheduler lr_scheduler.ConstantWarmupScheduler lr_scheduler.LinearWarmupScheduler radam.RAdam radam.PlainRAdam radam.AdamW";
const dtypes =
  "float64 double float32 float float16 half bfloat16 int64 long int32 int int16 short int8 uint8 uint16 uint32 uint64 bool complex64 complex128";

const torchRules = new Map<string, GlobalRule>([
  ["collections.OrderedDict", dict],
  ["collections.Counter", dict],
  // Of the optimiser's state; not among those PyTorch's weights-only loader admits.
  ["collections.defaultdict", { call: (_args, context, ref) => readPairs([], context, ref) }],
  ["builtins.dict", dict],
  ["builtins.set", { call: readSet }],
  ["builtins.bytearray", { call: readBytes }],
  ["_codecs.encode", { call: readBytes }],
  ["torch.Size", { call: readSize }],
  ["torch.device", inert],
  ["torch.Tensor", nameOnly],
  ["torch.nn.parameter.Parameter", nameOnly],
  ["torch.serialization._get_layout", inert],
  ["torch._utils._rebuild_tensor", { call: rebuildTensor }],
  ["torch._utils._rebuild_tensor_v2", { call: rebuildTensor }],
  ["torch._utils._rebuild_parameter", { call: rebuildParameter }],
  ["torch._utils._rebuild_parameter_with_state", { call: rebuildParameter }],
  ["torch._tensor._rebuild_from_type_v2", { call: rebuildFromType }],
  ...["build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag"].map(
    (name): [string, GlobalRule] => [`torch.jit._pickle.${name}`, first],
  ),
  ...Object.keys(storageTypes).map((name): [string, GlobalRule] => [name, nameOnly]),
  ...dtypes.split(" ").map((name): [string, GlobalRule] => [`torch.${name}`, nameOnly]),
  ...optimizers.split(" ").map((name): [string, GlobalRule] => [`torch.optim.${name}`, inert]),
  ...schedulers.split(" ").map((name): [string, GlobalRule] => [`torch.optim.lr_scheduler.${name}`, inert]),
  ...dassl.split(" ").map((name): [string, GlobalRule] => [`dassl.optim.${name}`, inert]),
]);

const splitRules = new Map<string, GlobalRule>([["dassl.data.datasets.base_dataset.Datum", inert]]);

/** The rule of a global in a dialect, or nothing: then the pickle is refused by that name. */
export function findRule(dialect: "torch" | "split", global: string): GlobalRule | undefined {
  if (dialect === "split") return splitRules.get(global);
  // A class of a TorchScript archive's own code: a bag of attributes, the code stays unread.
  return torchRules.get(global) ?? (global.startsWith("__torch__.") ? inert : undefined);
}

/** The element type of a storage class. */
export function storageDtype(value: Pickled | undefined): TensorDtype | undefined {
  if (!isKind(value, "global")) return undefined;
  return Object.hasOwn(storageTypes, value.global) ? storageTypes[value.global] : undefined;
}

function readPairs(args: readonly Pickled[], context: RuleContext, { global }: GlobalRef): Pickled {
  context.charge(cost.map);
  const [source = [], ...more] = args;
  if (source instanceof Map && more.length === 0) return source as ReadonlyMap<Pickled, Pickled>;
  if (!Array.isArray(source) || more.length > 0) {
    throw context.refuse(`gives ${global} ${typeOf(source)}, pairs were expected`);
  }
  const map = new Map<Pickled, Pickled>();
  for (const pair of source as readonly Pickled[]) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw context.refuse(`gives ${global} ${typeOf(pair)} among its pairs`);
    }
    context.charge(cost.mapEntry);
    map.set(pair[0] as Pickled, pair[1] as Pickled);
  }
  return map;
}

function readSet(args: readonly Pickled[], context: RuleContext): Pickled {
  const [items = []] = args;
  if (!Array.isArray(items)) throw context.refuse(`makes a set of ${typeOf(items)}, a list was expected`);
  context.charge(cost.map + items.length * cost.mapEntry);
  return new Set(items as readonly Pickled[]);
}

/** Bytes as old protocols write them: text of code points below 256, and the name of that encoding. */
function readBytes(args: readonly Pickled[], context: RuleContext, { global }: GlobalRef): Pickled {
  const [text = "", encoding = "latin1"] = args;
  if (text instanceof Uint8Array) return text;
  if (typeof text !== "string" || (encoding !== "latin1" && encoding !== "latin-1")) {
    throw context.refuse(`gives ${global} ${typeOf(text)} in another form than latin1 text`);
  }
  context.charge(cost.bytes + text.length);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw context.refuse(`gives ${global} text that is not latin1`);
    bytes[i] = code;
  }
  return bytes;
}

function readSize(args: readonly Pickled[], context: RuleContext): Pickled {
  const [sizes = []] = args;
  if (!Array.isArray(sizes)) throw context.refuse(`makes a torch.Size of ${typeOf(sizes)}, a tuple was expected`);
  context.charge(cost.tuple + 8 * sizes.length);
  return Object.freeze([...(sizes as readonly Pickled[])]);
}

function rebuildParameter(args: readonly Pickled[], { refuse }: RuleContext): Pickled {
  const [data = null] = args;
  if (!isKind(data, "tensor")) throw refuse(`makes a parameter of ${typeOf(data)}, a tensor was expected`);
  return data;
}

/** A tensor with attributes of its own: the attributes are dropped. */
function rebuildFromType(args: readonly Pickled[], context: RuleContext, ref: GlobalRef): Pickled {
  const [rebuild, type, inner] = args;
  const name = (value: Pickled | undefined): string => (isKind(value, "global") ? value.global : "");
  const rule = torchRules.get(name(rebuild));
  const plain = name(type) === "torch.Tensor" || name(type) === "torch.nn.parameter.Parameter";
  if (!plain || !name(rebuild).startsWith("torch._utils._rebuild_") || !rule?.call || !Array.isArray(inner)) {
    throw context.refuse(`makes a tensor of the type ${typeOf(type)}, which is not read`);
  }
  return rule.call(inner as readonly Pickled[], context, ref);
}
