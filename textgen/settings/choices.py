"""The values that a setting can be chosen from, and defaults that the command line shows."""

TARGETS = ("last", "sequence")
CELLS = ("lstm", "gru", "rnn")
OPTIMIZERS = ("rmsprop", "adam", "adamw", "adagrad", "sgd")
SCHEDULES = ("constant", "cosine")
REDUCTIONS = ("mean", "sum")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
NORMALIZATIONS = ("NFC", "NFKC")
AUTO_ENCODING = "auto"  # the encoding is detected in each file
DECODING_ERRORS = ("strict", "replace", "skip")
DOCUMENTS = ("auto", "lines", "paragraphs", "files", "none")
INPUT_FORMATS = ("auto", "text", "csv", "tsv", "jsonl")
LABEL_SOURCES = ("folder", "file")
HEADERS = ("auto", "yes", "no")
BAD_ROWS = ("error", "skip")
DEVICES = ("auto", "cpu", "gpu")
BACKENDS = ("tensorflow", "jax", "torch")
CONTEXTS = ("carry", "window")
MIX_BY = ("probabilities", "logits")
STEP_FORMATS = ("onnx", "litert", "saved-model", "numpy")  # one step of the network
WEB_FORMATS = ("html", "js")
EXPORT_FORMATS = (*STEP_FORMATS, *WEB_FORMATS)
WEIGHT_DTYPES = ("float32", "float16", "int8")  # of a model for the web

DEFAULT_MODEL = "textgen-model"
DEFAULT_WEIGHTS = "float16"
JOIN_TIMEOUT = 300.0  # seconds: people start the processes of a training by hand, one by one
CHECKPOINT_INTERVAL = 60.0  # seconds of training that a crash may cost; writing one takes far less
