"""An exported run under ONNX Runtime: the contract of `nmt.models.translation` without Keras and TensorFlow.

`encode`, `take`, `advance`, `distribution` and `log_probs` as search and scoring call them; top-k, log-softmax and
the reordering of states lie inside the graph. With a shortlist the words of a batch are those that a lexicon
suggests for its source pieces, and log-probabilities are relative to them.
"""

import functools

import numpy as np
import onnxruntime

from nmt.decoding.contract import FromDistribution
from nmt.errors import Failure


class Engine(FromDistribution):
    """The graphs of an exported folder. Nothing is kept between calls: several threads may search at once."""

    def __init__(self, checked, shortlist=False):
        """checked: maps the name of a file to its path, or raises Failure."""
        self._checked = checked
        self._steps = {}
        self._table = {}
        self._encoder = self._session("encoder")
        self._encoded = [output.name for output in self._encoder.get_outputs()]
        self._shortlist = Shortlist(checked) if shortlist else None
        self._step("shortlist" if shortlist else "step")

    def _session(self, name):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        )  # nothing to gain
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        path = self._checked(f"{name}.onnx")
        try:
            # Bytes, not a path: ONNX Runtime opens none with other letters than the locale's.
            return onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise Failure(
                f"{path}: ONNX Runtime cannot read it ({str(error).splitlines()[0]})"
            ) from None

    def _step(self, name):
        """The session of a step graph, names of its state, names of its outputs with the state last."""
        if name not in self._steps:
            session = self._session(name)
            outputs = [output.name for output in session.get_outputs() if output.name != "every"]
            state = [output[4:] for output in outputs if output.startswith("new_")]
            for table in (
                node.name for node in session.get_inputs() if node.name.startswith("table")
            ):
                if table not in self._table:  # of both graphs; mapped, since few rows are read
                    self._table[table] = np.asarray(
                        np.load(self._checked(f"{table}.npy"), mmap_mode="r")
                    )
            self._steps[name] = session, state, outputs
        return self._steps[name]

    def encode(self, source):
        """source: [sentences, source_len], EOS last, padded right -> memory, state."""
        source = np.ascontiguousarray(source, np.int32)
        found = dict(
            zip(self._encoded, self._encoder.run(self._encoded, {"source": source}), strict=True)
        )
        memory = {name: found.pop(name) for name in ("keys", "values", "mask") if name in found}
        if self._shortlist:
            memory["projection"] = self._shortlist.projection(source)
        return memory, found

    def take(self, memory, sentences):
        """The memory of the given sentences; the shortlist stays that of the batch."""
        return {
            name: leaf if name == "projection" else leaf[sentences] for name, leaf in memory.items()
        }

    def advance(self, memory, state, origin, tokens, k):
        """log_probs [rows, k], ids [rows, k], attention [rows, source_len] or None, state."""
        session, state_names, outputs = self._step(
            "shortlist" if "projection" in memory else "step"
        )
        found = self._run(session, outputs, memory, state, origin, tokens, k)
        state = {name: found[f"new_{name}"] for name in state_names}
        return found["log_probs"], found["best"], found.get("attention"), state

    def distribution(self, memory, state, origin, tokens):
        """log_probs of all words [rows, vocab], whatever the shortlist, attention or None, state."""
        session, state_names, outputs = self._step("step")
        names = ["every", *(name for name in outputs if name not in ("log_probs", "best"))]
        memory = {name: leaf for name, leaf in memory.items() if name != "projection"}
        found = self._run(session, names, memory, state, origin, tokens, 1)
        return (
            found["every"],
            found.get("attention"),
            {name: found[f"new_{name}"] for name in state_names},
        )

    def _run(self, session, names, memory, state, origin, tokens, k):
        """The named outputs of a step graph, a row each; in the graph rows are [sentences, beam]."""
        arrays = dict(memory)
        projection = arrays.pop("projection", {})
        k = min(k, len(projection["ids"]) if projection else self.vocab)
        shape = (len(arrays["mask"]) if arrays else len(tokens), -1)
        arrays |= {**state, **projection, **self._table, "k": np.array([k], np.int64)}
        arrays |= {"origin": origin.reshape(shape), "tokens": tokens.reshape(shape)}
        found = session.run(names, arrays)
        return {
            name: leaf.reshape(-1, leaf.shape[-1]) for name, leaf in zip(names, found, strict=True)
        }

    @functools.cached_property
    def vocab(self):
        """Words of the target vocabulary."""
        return next(
            output.shape[-1]
            for output in self._step("step")[0].get_outputs()
            if output.name == "every"
        )


class Shortlist:
    """The part of the projection that a batch needs."""

    def __init__(self, checked):
        with np.load(checked("projection.npz")) as arrays:
            self.kernel = arrays["kernel"]
            self.scale = arrays["scale"]
            self.bias = arrays["bias"]
        with np.load(checked("lexicon.npz")) as arrays:
            self.suggested = arrays["suggested"]
            self.always = np.zeros(len(self.bias), bool)
            self.always[arrays["frequent"]] = True

    def projection(self, source):
        """Kernel [units, words], scale, bias and ids of the words for source pieces."""
        chosen = self.always.copy()
        chosen[self.suggested[source]] = True
        ids = np.flatnonzero(chosen)
        return {
            "kernel": np.ascontiguousarray(self.kernel[ids].T),
            "scale": self.scale[ids],
            "bias": self.bias[ids],
            "ids": ids,
        }
