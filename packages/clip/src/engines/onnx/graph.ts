import type { Floats } from "../../floats.js";
import { sameDim, type Dim } from "../../ops.js";
import { termsOf } from "./dims.js";

/** What a value of a graph holds. */
export type ElementType = "float32" | "uint8" | "int64";

/** A value of a graph: what an operation gives, an input or a constant. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dim[];
}

/** An attribute of an operation: a whole number, a list of them, or a number written as a float. */
export type Attribute = number | readonly number[] | { readonly float: number };

/** An operation: names of values in and out. */
export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A small constant, written into the model. */
export interface Constant {
  readonly name: string;
  readonly type: "float32" | "int64";
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** A frozen array, which the model names but does not hold. */
export interface Weight {
  readonly name: string;
  readonly value: Floats;
}

/** A finished graph: only what its outputs need. Inputs of int64 are sizes, named as their symbol. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly constants: readonly Constant[];
  readonly weights: readonly Weight[];
}

/** A graph in the making. */
export interface GraphBuilder {
  input(name: string, type: ElementType, shape: readonly Dim[]): Value;
  weight(value: Floats): Value;
  constant(type: Constant["type"], shape: readonly number[], data: readonly number[]): Value;
  /** One operation with one output. */
  node(op: string, inputs: readonly Value[], output: NodeOutput): Value;
  /** One operation with an output for each shape. */
  nodes(
    op: string,
    inputs: readonly Value[],
    output: Omit<NodeOutput, "shape"> & { shapes: NodeOutput["shape"][] },
  ): Value[];
  /** Sizes as a vector of int64, constants where they are known. */
  sizes(dims: readonly Dim[]): Value;
  /** A value that is made at its first use; the key says what it is. */
  once(key: string, make: () => Value): Value;
  /** Where a value comes from: an input, a frozen array, or what a reshape was made of. */
  originOf(value: Value): { input?: Value; weight?: Floats; reshapeOf?: Value };
  /** The graph as far as it is needed for these values. */
  finish(name: string, outputs: readonly Value[]): Graph;
}

interface NodeOutput {
  readonly shape: readonly Dim[];
  /** Default: a number of its own. */
  readonly name?: string;
  readonly type?: ElementType;
  readonly domain?: string;
  readonly attributes?: Node["attributes"];
}

/** Starts an empty graph; names of its values begin with `prefix`. */
export function createGraph({ prefix }: { prefix: string }): GraphBuilder {
  const inputs: Value[] = [];
  const nodes: Node[] = [];
  const constants = new Map<string, Constant>();
  const weights = new Map<Floats, Value>();
  const weightOf = new Map<string, Floats>();
  const reshapes = new Map<string, Value>();
  const made = new Map<string, Value>();
  let count = 0;

  const builder: GraphBuilder = {
    input(name, type, shape) {
      const value: Value = { name, type, shape };
      inputs.push(value);
      return value;
    },
    weight(floats) {
      const known = weights.get(floats);
      if (known !== undefined) return known;
      const value: Value = { name: `w${weights.size}`, type: "float32", shape: floats.shape };
      weights.set(floats, value);
      weightOf.set(value.name, floats);
      return value;
    },
    constant(type, shape, data) {
      const name = `${type === "int64" ? "i" : "f"}[${shape}]${data}`;
      constants.set(name, { name, type, shape, data });
      return { name, type, shape };
    },
    node: (op, from, { shape, ...rest }) => builder.nodes(op, from, { ...rest, shapes: [shape] })[0]!,
    nodes(op, from, { shapes, name, type = "float32", domain = "", attributes = {} }) {
      const values = shapes.map((shape): Value => ({ name: name ?? `${prefix}${count++}`, type, shape }));
      nodes.push({
        op,
        domain,
        inputs: from.map(({ name }) => name),
        outputs: values.map(({ name }) => name),
        attributes,
      });
      if (op === "Reshape") reshapes.set(values[0]!.name, from[0]!);
      return values;
    },
    sizes(dims) {
      if (dims.every((dim) => typeof dim === "number")) return builder.constant("int64", [dims.length], dims);
      const parts = dims.map((dim) =>
        typeof dim === "number" ? builder.constant("int64", [1], [dim]) : sizeOfDim(dim),
      );
      if (parts.length === 1) return parts[0]!;
      return builder.once(`sizes ${parts.map(({ name }) => name)}`, () =>
        builder.node("Concat", parts, { shape: [dims.length], type: "int64", attributes: { axis: 0 } }),
      );
    },
    once(key, make) {
      const value = made.get(key) ?? make();
      made.set(key, value);
      return value;
    },
    originOf: (value) => ({
      input: inputs.find(({ name }) => name === value.name),
      weight: weightOf.get(value.name),
      reshapeOf: reshapes.get(value.name),
    }),
    finish(name, outputs) {
      const needed = new Set(outputs.map((value) => value.name));
      const kept: Node[] = [];
      for (const node of [...nodes].reverse()) {
        if (!node.outputs.some((output) => needed.has(output))) continue;
        kept.unshift(node);
        for (const input of node.inputs) needed.add(input);
      }
      return {
        name,
        inputs,
        outputs,
        nodes: kept,
        constants: [...constants.values()].filter((each) => needed.has(each.name)),
        weights: [...weights].flatMap(([value, { name: id }]) => (needed.has(id) ? [{ name: id, value }] : [])),
      };
    },
  };

  /** A symbol's size is read from the first input that has it as an axis of its own; where none has, it is an input itself. */
  const sizeOfSymbol = (symbol: string): Value =>
    builder.once(`size of ${symbol}`, () => {
      for (const input of inputs) {
        const axis = input.shape.findIndex((dim) => sameDim(dim, { symbol }));
        if (axis < 0) continue;
        return builder.node("Shape", [input], {
          shape: [1],
          type: "int64",
          attributes: { start: axis, end: axis + 1 },
        });
      }
      return builder.input(symbol, "int64", [1]);
    });
  const sizeOfDim = (dim: Dim): Value => {
    const join = (op: string, parts: readonly Value[]): Value =>
      parts.reduce((a, b) =>
        builder.once(`${op} ${a.name} ${b.name}`, () => builder.node(op, [a, b], { shape: [1], type: "int64" })),
      );
    return join(
      "Add",
      termsOf(dim).map(({ count: times, symbols }) =>
        join("Mul", [
          ...(times === 1 && symbols.length > 0 ? [] : [builder.constant("int64", [1], [times])]),
          ...symbols.map(sizeOfSymbol),
        ]),
      ),
    );
  };
  return builder;
}
