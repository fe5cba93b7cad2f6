// What the packages of this project take from TensorFlow.js: its core, the gradients that losses and learners need, and the methods of
// tensors. The build puts this in the place of `@tensorflow/tfjs`, which would bring layers, converters and two more backends.
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";

export * from "@tensorflow/tfjs-core";
