import { createBudget, pickleLimits, type Budget, type PickleLimits } from "./limits.js";
import { measurePickled } from "./measure-pickled.js";
import { findRule, type RuleContext } from "./pickle-globals.js";
import { createPickleReader } from "./pickle-reader.js";
import { op, opcodeName, splitOpcodes, torchOpcodes } from "./pickle-opcodes.js";
import { printable } from "./printable.js";
import { cost, typeOf, type GlobalRef, type OpenObject, type Pickled } from "./pickled.js";

/** How `unpickle` reads; every bound has a default. */
export interface UnpickleOptions extends Partial<PickleLimits> {
  /** `torch`: what PyTorch's weights-only loader admits. `split`: saved data splits, also newer opcodes, nothing of torch. */
  readonly dialect: "torch" | "split";
  /** What messages call the pickle. */
  readonly name?: string;
  /** Memory its values may take, estimated; 16 times the pickle and 1 MB. */
  readonly memory?: number;
}

/** What only the reader of an archive gives. */
export interface PickleHost {
  readonly budget: Budget;
  /** The value of a persistent id. */
  readonly persistent?: (id: Pickled, context: RuleContext) => Pickled;
}

const advice = {
  torch: "refused; ask the author for safetensors",
  split: "refused; ask the author for the split as JSON",
};

const opening = new Set<number>([
  op.EMPTY_LIST,
  op.EMPTY_DICT,
  op.EMPTY_SET,
  op.MARK,
  op.BINPUT,
  op.LONG_BINPUT,
  op.MEMOIZE,
]);

/**
 * Reads a pickle without running anything: opcodes and names are on an allow-list, known classes become inert values, the rest
 * is refused by name. Memory and work are linear in the pickle. Throws one line that says what it asks for and what to do.
 * Source: CPython `Lib/pickle.py`, PyTorch `torch/_weights_only_unpickler.py`.
 *
 * @example
 * ```ts
 * import { unpickle } from "@locoop/clip";
 *
 * const bytes = new TextEncoder().encode("}X\u0005\0\0\0epochK2s."); // {"epoch": 50}
 * console.log(unpickle(bytes, { dialect: "torch" }).value); // → Map(1) { 'epoch' => 50 }
 * ```
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): { value: Pickled; opcodes: number } {
  const { name = "pickle", memory = 16 * bytes.length + 2 ** 20 } = options;
  return runPickle(bytes, options, { budget: createBudget({ name, limit: memory }) });
}

/** `unpickle` with the persistent ids and the memory account of an archive. */
export function runPickle(
  bytes: Uint8Array,
  { dialect, name = "pickle", ...given }: UnpickleOptions,
  { budget, persistent }: PickleHost,
): { value: Pickled; opcodes: number } {
  const limits: PickleLimits = { ...pickleLimits, ...given };
  const admitted = dialect === "torch" ? torchOpcodes : splitOpcodes;
  const refuse = (why: string): Error => new Error(`${name}: a pickle ${why}: ${advice[dialect]}`);
  const damaged = (why: string): Error =>
    new Error(`${name}: the pickle is damaged or cut short: ${why}; get the file again`);
  if (bytes.length > limits.pickleBytes) {
    throw refuse(`has ${bytes.length} bytes, at most ${limits.pickleBytes} are read`);
  }
  const charge = (cost: number): void => budget.hold(cost, "the values of the pickle");
  const reader = createPickleReader(bytes, { damaged, charge });
  const stack: Pickled[] = [];
  const marks: number[] = [];
  const memo = new Map<number, Pickled>();
  const globals = new Map<string, GlobalRef>();
  let opcodes = 0;
  let opened = 0; // containers opened one right after the other
  let tensors = 0;
  const context: RuleContext = {
    charge,
    refuse,
    countTensor(size) {
      if (++tensors > limits.tensors) throw refuse(`has more than ${limits.tensors} tensors`);
      if (!(size <= budget.limit)) {
        throw refuse(`has a tensor of ${size} bytes, ${budget.limit} are allowed for a file of this size`);
      }
    },
  };

  const push = (value: Pickled): void => {
    if (stack.length >= limits.stack) throw refuse(`keeps more than ${limits.stack} values waiting`);
    stack.push(value);
  };
  const floor = (): number => marks.at(-1) ?? 0;
  const pop = (): Pickled => {
    if (stack.length <= floor()) throw damaged("it takes a value that is not there");
    return stack.pop() as Pickled;
  };
  const top = (): Pickled => {
    if (stack.length <= floor()) throw damaged("it uses a value that is not there");
    return stack.at(-1) as Pickled;
  };
  const popToMark = (): Pickled[] => {
    const mark = marks.pop();
    if (mark === undefined) throw damaged("it closes what it did not open");
    return stack.splice(mark);
  };
  const tuple = (items: Pickled[]): void => {
    charge(cost.tuple + 8 * items.length);
    push(Object.freeze(items));
  };
  const put = (slot: number): void => {
    if (slot >= bytes.length || (!memo.has(slot) && memo.size >= limits.memo)) {
      throw refuse(`uses memo slot ${slot}, more than a pickle of ${bytes.length} bytes can fill`);
    }
    if (!memo.has(slot)) charge(cost.memoSlot);
    memo.set(slot, top());
  };
  const get = (slot: number): void => {
    const value = memo.get(slot);
    if (value === undefined) throw damaged(`it takes memo slot ${slot}, which is empty`);
    push(value);
  };
  const pushGlobal = (module: string, qualname: string): void => {
    const global = `${module === "__builtin__" ? "builtins" : module}.${qualname}`;
    let ref = globals.get(global);
    if (ref === undefined) {
      if (!findRule(dialect, global)) throw refuse(`asks for ${printable(global)}`);
      charge(cost.object + cost.mapEntry + 2 * global.length);
      ref = Object.freeze({ kind: "global", global });
      globals.set(global, ref);
    }
    push(ref);
  };
  const call = (make: "call" | "create"): void => {
    const args = pop();
    const callee = pop();
    if (!Array.isArray(args)) throw refuse(`calls ${typeOf(callee)} with ${typeOf(args)}`);
    const ref = isKind(callee, "global") ? callee : undefined;
    const rule = ref && findRule(dialect, ref.global);
    if (!ref || !rule?.call || (make === "create" && rule.isClass !== true)) {
      throw refuse(`${make === "call" ? "calls" : "makes an object of"} ${typeOf(callee)}`);
    }
    push(rule.call(args as readonly Pickled[], context, ref));
  };
  const build = (): void => {
    const state = pop();
    const target = top();
    if (isKind(target, "object")) (target as OpenObject).state = state;
    // An ordered dict's attributes (PyTorch's `_metadata`) are dropped.
    else if (!(target instanceof Map)) throw refuse(`sets the state of ${typeOf(target)}`);
  };
  const append = (items: readonly Pickled[]): void => {
    const list = top();
    if (!Array.isArray(list) || Object.isFrozen(list)) throw refuse(`appends to ${typeOf(list)}`);
    for (const item of items) {
      charge(list.length === 0 ? cost.firstItem : cost.item);
      (list as Pickled[]).push(item);
    }
  };
  const setItems = (items: readonly Pickled[]): void => {
    const map = top();
    if (!(map instanceof Map)) throw refuse(`sets an item of ${typeOf(map)}`);
    if (items.length % 2 !== 0) throw damaged("a key without a value");
    charge(cost.mapEntry * (items.length / 2));
    for (let i = 0; i < items.length; i += 2) {
      (map as Map<Pickled, Pickled>).set(items[i] as Pickled, items[i + 1] as Pickled);
    }
  };
  const open = (container: Pickled, size: number): void => {
    if (++opened > limits.depth) throw refuse(`nests more than ${limits.depth} deep`);
    charge(size);
    push(container);
  };
  const emptyTuple: readonly Pickled[] = Object.freeze([]);

  for (;;) {
    const code = reader.byte();
    if (++opcodes > limits.opcodes) throw refuse(`has more than ${limits.opcodes} opcodes`);
    if (!admitted.has(code)) {
      throw refuse(`uses the opcode ${opcodeName(code)} at byte ${reader.position - 1}, which is not on the list`);
    }
    if (!opening.has(code)) opened = 0;
    switch (code) {
      case op.PROTO:
        if (reader.byte() > 5) throw refuse("is of a protocol above 5");
        break;
      case op.FRAME:
        reader.skipFrame();
        break;
      case op.STOP: {
        const value = pop();
        measurePickled(value, { ...limits, budget, refuse });
        return { value, opcodes };
      }
      case op.MARK:
        if (marks.length >= limits.depth) throw refuse(`nests more than ${limits.depth} deep`);
        marks.push(stack.length);
        break;
      case op.NONE:
        push(null);
        break;
      case op.NEWTRUE:
        push(true);
        break;
      case op.NEWFALSE:
        push(false);
        break;
      case op.BININT:
        push(reader.int32());
        break;
      case op.BININT1:
        push(reader.byte());
        break;
      case op.BININT2:
        push(reader.uint16());
        break;
      case op.LONG1:
        push(reader.long(reader.byte()));
        break;
      case op.BINFLOAT:
        push(reader.float64());
        break;
      case op.BINUNICODE:
        push(reader.text(reader.uint32()));
        break;
      case op.SHORT_BINUNICODE:
      case op.SHORT_BINSTRING:
        push(reader.text(reader.byte()));
        break;
      case op.BINBYTES:
        push(reader.bytes(reader.uint32()));
        break;
      case op.SHORT_BINBYTES:
        push(reader.bytes(reader.byte()));
        break;
      case op.EMPTY_LIST:
        open([], cost.list);
        break;
      case op.EMPTY_DICT:
        open(new Map(), cost.map);
        break;
      case op.EMPTY_SET:
        open(new Set(), cost.map);
        break;
      case op.EMPTY_TUPLE:
        push(emptyTuple);
        break;
      case op.TUPLE:
        tuple(popToMark());
        break;
      case op.TUPLE1:
        tuple([pop()]);
        break;
      case op.TUPLE2: {
        const second = pop();
        tuple([pop(), second]);
        break;
      }
      case op.TUPLE3: {
        const third = pop();
        const second = pop();
        tuple([pop(), second, third]);
        break;
      }
      case op.APPEND:
        append([pop()]);
        break;
      case op.APPENDS:
        append(popToMark());
        break;
      case op.SETITEM: {
        const value = pop();
        setItems([pop(), value]);
        break;
      }
      case op.SETITEMS:
        setItems(popToMark());
        break;
      case op.GLOBAL: {
        const module = reader.line();
        pushGlobal(module, reader.line());
        break;
      }
      case op.STACK_GLOBAL: {
        const qualname = pop();
        const module = pop();
        if (typeof module !== "string" || typeof qualname !== "string")
          throw refuse("asks for a global without a name");
        pushGlobal(module, qualname);
        break;
      }
      case op.REDUCE:
        call("call");
        break;
      case op.NEWOBJ:
        call("create");
        break;
      case op.BUILD:
        build();
        break;
      case op.BINPERSID: {
        const id = pop();
        if (!persistent) throw refuse("asks for something outside of it");
        push(persistent(id, context));
        break;
      }
      case op.BINPUT:
        put(reader.byte());
        break;
      case op.LONG_BINPUT:
        put(reader.uint32());
        break;
      case op.MEMOIZE:
        put(memo.size);
        break;
      case op.BINGET:
        get(reader.byte());
        break;
      default:
        get(reader.uint32()); // LONG_BINGET, the last of those admitted
    }
  }
}

function isKind<K extends "global" | "object">(value: Pickled, kind: K): value is Extract<Pickled, { kind: K }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}
