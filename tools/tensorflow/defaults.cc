// An addon of its own, loaded before the one that brings in TensorFlow: settings for a process that does not set them.
// TensorFlow reads the environment of the process, of which `process.env` is only a copy in a worker thread.
#include <cstdlib>

#include <node_api.h>

NAPI_MODULE_INIT() {
  (void)env;
  const int keep_what_is_set = 0;
  setenv("TF_CPP_MIN_LOG_LEVEL", "2", keep_what_is_set);          // errors only, but for one note that oneDNN is on
  setenv("TF_ENABLE_ONEDNN_OPTS", "1", keep_what_is_set);         // the faster matrix products, on every processor
  setenv("TF_FORCE_GPU_ALLOW_GROWTH", "true", keep_what_is_set);  // not the whole memory of the GPU at once
  return exports;
}
