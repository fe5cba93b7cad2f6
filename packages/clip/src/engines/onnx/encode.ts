import type { Attribute, Constant, ElementType, Graph, Node, Value, Weight } from "./graph.js";
import { encodeMessage, joinBytes, type Field } from "./protobuf.js";

// Field numbers of onnx.proto (onnx/onnx, version 1.20); the model says IR version 10 and operator set 21.
const irVersion = 10;
const operatorSet = 21;
const microsoftDomain = "com.microsoft";
const elementTypes: Record<ElementType, number> = { float32: 1, uint8: 2, int64: 7 };
const attributeTypes = { float: 1, int: 2, ints: 7 };

/** A model that names its weights and does not hold them: `data` lies under `path`, as ONNX's external data does. */
export interface EncodedModel {
  readonly model: Uint8Array;
  readonly weights: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** Writes a graph as an ONNX model, its weights by reference. */
export function encodeModel(graph: Graph): EncodedModel {
  return {
    model: encodeGraph(graph, externalWeight),
    weights: graph.weights.map(({ name, value }) => ({ path: name, data: bytesOf(value.data) })),
  };
}

/** Writes a graph as one self-contained ONNX file; throws where its weights pass the format's limit of 2 GB. */
export function encodeFile(graph: Graph): Uint8Array {
  const bytes = graph.weights.reduce((total, { value }) => total + value.data.byteLength, 0);
  if (bytes > 2_000_000_000) {
    throw new Error(
      `${graph.name}: expected weights of at most 2 GB for one ONNX file, came ${(bytes / 1e9).toFixed(1)} GB`,
    );
  }
  return encodeGraph(graph, ({ name, value }) =>
    encodeMessage([...tensorHead(name, "float32", value.shape), [9, bytesOf(value.data)]]),
  );
}

function encodeGraph(graph: Graph, encodeWeight: (weight: Weight) => Uint8Array): Uint8Array {
  const body = encodeMessage([
    ...graph.nodes.map((node): Field => [1, encodeNode(node)]),
    [2, graph.name],
    ...graph.weights.map((weight): Field => [5, encodeWeight(weight)]),
    ...graph.constants.map((constant): Field => [5, encodeConstant(constant)]),
    ...graph.inputs.map((value): Field => [11, encodeValue(value)]),
    ...graph.outputs.map((value): Field => [12, encodeValue(value)]),
  ]);
  const opset = (domain: string, version: number): Field => [
    8,
    encodeMessage([
      [1, domain],
      [2, version],
    ]),
  ];
  const head = encodeMessage([[1, irVersion], [2, "@locoop/clip"], opset("", operatorSet), opset(microsoftDomain, 1)]);
  return joinBytes([head, encodeMessage([[7, body]])]);
}

function encodeNode({ op, domain, inputs, outputs, attributes }: Node): Uint8Array {
  return encodeMessage([
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [3, outputs[0]!],
    [4, op],
    ...Object.entries(attributes).map(([name, value]): Field => [5, encodeAttribute(name, value)]),
    [7, domain],
  ]);
}

function encodeAttribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === "number") {
    return encodeMessage([
      [1, name],
      [3, value],
      [20, attributeTypes.int],
    ]);
  }
  if ("float" in value) {
    return encodeMessage([
      [1, name],
      [2, value],
      [20, attributeTypes.float],
    ]);
  }
  return encodeMessage([[1, name], ...value.map((each): Field => [8, each]), [20, attributeTypes.ints]]);
}

const tensorHead = (name: string, type: ElementType, shape: readonly number[]): Field[] => [
  ...shape.map((size): Field => [1, size]),
  [2, elementTypes[type]],
  [8, name],
];

function externalWeight({ name, value }: Weight): Uint8Array {
  const entry = (key: string, text: string): Field => [
    13,
    encodeMessage([
      [1, key],
      [2, text],
    ]),
  ];
  return encodeMessage([
    ...tensorHead(name, "float32", value.shape),
    entry("location", name),
    entry("offset", "0"),
    entry("length", String(value.data.byteLength)),
    [14, 1],
  ]);
}

function encodeConstant({ name, type, shape, data }: Constant): Uint8Array {
  const raw = type === "int64" ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
  return encodeMessage([...tensorHead(name, type, shape), [9, bytesOf(raw)]]);
}

function encodeValue({ name, type, shape }: Value): Uint8Array {
  const dims = shape.map((dim): Field => [1, encodeMessage([typeof dim === "number" ? [1, dim] : [2, dim.symbol]])]);
  const tensor = encodeMessage([
    [1, elementTypes[type]],
    [2, encodeMessage(dims)],
  ]);
  return encodeMessage([
    [1, name],
    [2, encodeMessage([[1, tensor]])],
  ]);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
