"""An exported run under ONNX Runtime: the contract of nmt/decoding, without Keras and TensorFlow.

Top-k, log-softmax and the reordering of states lie inside the graphs (nmt/engine/layout.py). With a
shortlist the tokens of a batch are those that a lexicon suggests for its source tokens, and
log-probabilities are relative to them.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from nmt.decoding.contract import FromDistribution
from nmt.engine import layout
from nmt.errors import Failure

Arrays = dict[str, np.ndarray]
PROJECTION = "projection"  # leaf of the memory: the shortlist's inputs, the same for all sentences


class StepGraph(NamedTuple):
    """A graph of one step, and the names of what it gives."""

    session: onnxruntime.InferenceSession
    outputs: list[str]  # all but the log-probabilities of all tokens
    state: list[str]  # leaves of the state


class Engine(FromDistribution):
    """The graphs of an exported folder. Several threads may search at once."""

    def __init__(self, path_of: Callable[[str], Path], shortlist: bool = False):
        """path_of: gives the path of a file of the export; Failure if the file is damaged."""
        self._path_of = path_of
        self._steps: dict[str, StepGraph] = {}
        self._tables: Arrays = {}
        self._encoder = self._session(layout.ENCODER)
        self._encoded = [output.name for output in self._encoder.get_outputs()]
        self.shortlist = Shortlist(path_of) if shortlist else None
        self._step(layout.SHORTLIST_STEP if shortlist else layout.STEP)

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # The graphs leave nothing to optimise.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        path = self._path_of(name)
        try:
            # Bytes, not a path: ONNX Runtime opens none with other letters than the locale's.
            return onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise Failure(
                f"{path}: ONNX Runtime cannot read it ({str(error).splitlines()[0]})"
            ) from None

    def _step(self, name: str) -> StepGraph:
        """A step graph, loaded when it is first asked for."""
        if name not in self._steps:
            session = self._session(name)
            outputs = [output.name for output in session.get_outputs()]
            outputs = [output for output in outputs if output != layout.EVERY]
            state = [
                output.removeprefix(layout.NEW)
                for output in outputs
                if output.startswith(layout.NEW)
            ]
            inputs = {node.name for node in session.get_inputs()}
            for table in inputs.intersection(layout.TABLES).difference(self._tables):
                # Mapped: few rows are read. The same for both graphs.
                array = np.load(self._path_of(f"{table}.npy"), mmap_mode="r")
                self._tables[table] = np.asarray(array)
            self._steps[name] = StepGraph(session, outputs, state)
        return self._steps[name]

    @functools.cached_property
    def vocab(self) -> int:
        """Tokens of the target vocabulary."""
        shapes = {out.name: out.shape for out in self._step(layout.STEP).session.get_outputs()}
        return shapes[layout.EVERY][-1]

    def encode(self, source: np.ndarray) -> tuple[dict[str, Any], Arrays]:
        """With a shortlist the memory holds the projection of its tokens, too."""
        source = np.ascontiguousarray(source, np.int32)
        values = self._encoder.run(self._encoded, {layout.SOURCE: source})
        leaves = dict(zip(self._encoded, values, strict=True))
        names = [name for name in (layout.KEYS, layout.VALUES, layout.MASK) if name in leaves]
        memory: dict[str, Any] = {name: leaves.pop(name) for name in names}
        if self.shortlist:
            memory[PROJECTION] = self.shortlist.projection(source)
        return memory, leaves

    def take(self, memory: dict[str, Any], sentences: np.ndarray) -> dict[str, Any]:
        """The shortlist stays that of the batch."""
        return {
            name: leaf if name == PROJECTION else leaf[sentences] for name, leaf in memory.items()
        }

    def advance(
        self, memory: dict[str, Any], state: Arrays, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Arrays]:
        """Among the tokens of the shortlist, if there is one."""
        graph = self._step(layout.SHORTLIST_STEP if PROJECTION in memory else layout.STEP)
        values = self._run(graph, graph.outputs, memory, state, origin, tokens, k)
        state = {name: values[layout.NEW + name] for name in graph.state}
        attention = values.get(layout.ATTENTION)
        return values[layout.LOG_PROBS], values[layout.BEST], attention, state

    def distribution(
        self, memory: dict[str, Any], state: Arrays, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None, Arrays]:
        """Of the whole vocabulary, whatever the shortlist."""
        graph = self._step(layout.STEP)
        best = (layout.LOG_PROBS, layout.BEST)
        names = [layout.EVERY, *(name for name in graph.outputs if name not in best)]
        memory = {name: leaf for name, leaf in memory.items() if name != PROJECTION}
        values = self._run(graph, names, memory, state, origin, tokens, 1)
        state = {name: values[layout.NEW + name] for name in graph.state}
        return values[layout.EVERY], values.get(layout.ATTENTION), state

    def _run(
        self,
        graph: StepGraph,
        names: Sequence[str],
        memory: dict[str, Any],
        state: Arrays,
        origin: np.ndarray,
        tokens: np.ndarray,
        k: int,
    ) -> Arrays:
        """The named outputs [rows, ...]; inside the graph rows are [sentences, beam]."""
        arrays = dict(memory)
        projection = arrays.pop(PROJECTION, {})
        k = min(k, len(projection[layout.IDS]) if projection else self.vocab)
        shape = (len(arrays[layout.MASK]) if arrays else len(tokens), -1)
        arrays |= {**state, **projection, **self._tables, layout.K: np.array([k], np.int64)}
        arrays[layout.ORIGIN] = origin.reshape(shape)
        arrays[layout.TOKENS] = tokens.reshape(shape)
        values = graph.session.run(names, arrays)
        return {
            name: value.reshape(-1, value.shape[-1])
            for name, value in zip(names, values, strict=True)
        }


class Shortlist:
    """Cuts the part of the projection that a batch needs."""

    def __init__(self, path_of: Callable[[str], Path]):
        with np.load(path_of(layout.PROJECTION)) as arrays:
            self.kernel = arrays["kernel"]
            self.scale = arrays["scale"]
            self.bias = arrays["bias"]
        with np.load(path_of(layout.LEXICON)) as arrays:
            self.suggested = arrays["suggested"]
            self.frequent = np.zeros(len(self.bias), bool)
            self.frequent[arrays["frequent"]] = True

    def projection(self, source: np.ndarray) -> Arrays:
        """The inputs of the shortlist's graph for source ids [sentences, source_len]."""
        chosen = self.frequent.copy()
        chosen[self.suggested[source]] = True
        ids = np.flatnonzero(chosen)
        return {
            layout.KERNEL: np.ascontiguousarray(self.kernel[ids].T),
            layout.SCALE: self.scale[ids],
            layout.BIAS: self.bias[ids],
            layout.IDS: ids,
        }
