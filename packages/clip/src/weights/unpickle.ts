import { createBudget, limitsFrom, pickleLimits, type Budget, type PickleLimits } from "./limits.js";
import { measurePickled } from "./measure-pickled.js";
import type { RuleContext } from "./pickle-globals.js";
import { createPickleMachine } from "./pickle-machine.js";
import { createPickleReader } from "./pickle-reader.js";
import { op, opcodeName, splitOpcodes, torchOpcodes } from "./pickle-opcodes.js";
import { cost, type Pickled } from "./pickled.js";

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
 * const { value } = unpickle(bytes, { dialect: "torch" });
 * console.log((value as Map<string, number>).get("epoch")); // → 50
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
  const limits = limitsFrom(pickleLimits, given);
  const admitted = dialect === "torch" ? torchOpcodes : splitOpcodes;
  const refuse = (why: string): Error => new Error(`${name}: a pickle ${why}: ${advice[dialect]}`);
  const damaged = (why: string): Error =>
    new Error(`${name}: the pickle is damaged or cut short: ${why}; get the file again`);
  if (bytes.length > limits.pickleBytes) {
    throw refuse(`has ${bytes.length} bytes, at most ${limits.pickleBytes} are read`);
  }
  const reader = createPickleReader(bytes, {
    damaged,
    charge: (taken) => budget.hold(taken, "the values of the pickle"),
  });
  const machine = createPickleMachine({ dialect, size: bytes.length, limits, budget, refuse, damaged });
  const { push, pop } = machine;
  let opcodes = 0;

  for (;;) {
    const code = reader.byte();
    if (++opcodes > limits.opcodes) throw refuse(`has more than ${limits.opcodes} opcodes`);
    if (!admitted.has(code)) {
      throw refuse(`uses the opcode ${opcodeName(code)} at byte ${reader.position - 1}, which is not on the list`);
    }
    if (!opening.has(code)) machine.settle();
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
        machine.mark();
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
        machine.open([], cost.list);
        break;
      case op.EMPTY_DICT:
        machine.open(new Map(), cost.map);
        break;
      case op.EMPTY_SET:
        machine.open(new Set(), cost.map);
        break;
      case op.EMPTY_TUPLE:
        machine.emptyTuple();
        break;
      case op.TUPLE:
        machine.tuple(machine.popToMark());
        break;
      case op.TUPLE1:
        machine.tuple([pop()]);
        break;
      case op.TUPLE2: {
        const second = pop();
        machine.tuple([pop(), second]);
        break;
      }
      case op.TUPLE3: {
        const third = pop();
        const second = pop();
        machine.tuple([pop(), second, third]);
        break;
      }
      case op.APPEND:
        machine.append([pop()]);
        break;
      case op.APPENDS:
        machine.append(machine.popToMark());
        break;
      case op.SETITEM: {
        const value = pop();
        machine.setItems([pop(), value]);
        break;
      }
      case op.SETITEMS:
        machine.setItems(machine.popToMark());
        break;
      case op.GLOBAL: {
        const module = reader.line();
        machine.global(module, reader.line());
        break;
      }
      case op.STACK_GLOBAL: {
        const qualname = pop();
        const module = pop();
        if (typeof module !== "string" || typeof qualname !== "string")
          throw refuse("asks for a global without a name");
        machine.global(module, qualname);
        break;
      }
      case op.REDUCE:
        machine.call("call");
        break;
      case op.NEWOBJ:
        machine.call("create");
        break;
      case op.BUILD:
        machine.build();
        break;
      case op.BINPERSID: {
        const id = pop();
        if (!persistent) throw refuse("asks for something outside of it");
        push(persistent(id, machine.context));
        break;
      }
      case op.BINPUT:
        machine.put(reader.byte());
        break;
      case op.LONG_BINPUT:
        machine.put(reader.uint32());
        break;
      case op.MEMOIZE:
        machine.put(machine.memoSize);
        break;
      case op.BINGET:
        machine.get(reader.byte());
        break;
      default:
        machine.get(reader.uint32()); // LONG_BINGET, the last of those admitted
    }
  }
}
