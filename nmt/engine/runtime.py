"""An exported run under ONNX Runtime: the contract of nmt/decoding, without Keras and TensorFlow.

Top-k, log-softmax and the reordering of states lie inside the graphs (nmt/engine/layout.py). With a
shortlist the tokens of a batch are those that a lexicon suggests for its source tokens, and
log-probabilities are relative to them.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from nmt.decoding.contract import LOG_ZERO, FromDistribution
from nmt.engine import layout
from nmt.errors import Failure
from nmt.text.vocabulary import EOS, PAD

Arrays = dict[str, np.ndarray]
PROJECTION = "projection"  # leaf of the memory: the shortlist's inputs, the same for all sentences


class Engine(FromDistribution):
    """The graphs of an exported folder. Several threads may search at once."""

    # A folder that each graph writes a profile to, which costs time.
    profile_to: str | None = None

    def __init__(self, path_of: Callable[[str], Path], shortlist: bool = False):
        """path_of: gives the path of a file of the export; Failure if the file is damaged."""
        self._path_of = path_of
        self._steps: dict[str, Any] = {}
        self._outputs: dict[str, list[str]] = {}
        self._tables: Arrays = {}
        self._encoder = self._session(layout.ENCODER)
        self._encoder_tables = self._tables_of(self._encoder)
        self._encoded = [output.name for output in self._encoder.get_outputs()]
        self.shortlist = Shortlist(path_of) if shortlist else None
        self._step(layout.SHORTLIST_STEP if shortlist else layout.STEP)

    def _session(self, name):
        options = onnxruntime.SessionOptions()
        # A search has one thread; several searches run side by side.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # The graphs leave nothing to optimise.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        if self.profile_to:
            options.enable_profiling = True
            options.profile_file_prefix = f"{self.profile_to}/{name}"
        path = self._path_of(name)
        try:
            # Bytes, not a path: ONNX Runtime opens none with other letters than the locale's.
            return onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise Failure(f"{path}: ONNX Runtime cannot read it ({reason})") from None

    def _step(self, name):
        """The session of a step graph, loaded when it is first asked for."""
        if name not in self._steps:
            session = self._session(name)
            self._tables_of(session)
            # Asked for once: ONNX Runtime makes new objects at each call.
            self._outputs[name] = [node.name for node in session.get_outputs()]
            self._steps[name] = session
        return self._steps[name]

    def _tables_of(self, session):
        """The tables that a graph takes, loaded when one first does; the same for all graphs."""
        inputs = {node.name for node in session.get_inputs()}
        names = inputs.intersection(layout.TABLES)
        for name in names.difference(self._tables):
            # Mapped: few rows are read.
            array = np.load(self._path_of(f"{name}.npy"), mmap_mode="r")
            self._tables[name] = np.asarray(array)
        return {name: self._tables[name] for name in names}

    def end_profile(self) -> list[str]:
        """The files with what each operation took, where `profile_to` was set."""
        return [session.end_profiling() for session in (self._encoder, *self._steps.values())]

    @functools.cached_property
    def vocab(self) -> int:
        """Tokens of the target vocabulary."""
        shapes = {output.name: output.shape for output in self._step(layout.STEP).get_outputs()}
        return shapes[layout.EVERY][-1]

    def encode(self, source: np.ndarray) -> tuple[dict, Arrays]:
        """With a shortlist the memory holds the projection of its tokens, too."""
        source = np.ascontiguousarray(source, np.int32)
        inputs = {layout.SOURCE: source, **self._encoder_tables}
        values = self._encoder.run(self._encoded, inputs)
        leaves = dict(zip(self._encoded, values, strict=True))
        # What is no leaf of the memory is one of the state.
        memory: dict = {name: leaves.pop(name) for name in layout.LEAVES if name in leaves}
        if self.shortlist:
            memory[PROJECTION], memory[layout.PLACES] = self.shortlist.projection(source)
        return memory, leaves

    def take(self, memory: dict, sentences: np.ndarray) -> dict:
        """The shortlist stays that of the batch."""
        return {
            name: leaf if name == PROJECTION else leaf[sentences] for name, leaf in memory.items()
        }

    def advance(
        self, memory: dict, state: Arrays, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Arrays]:
        """Among the tokens of the shortlist, if there is one."""
        graph = layout.SHORTLIST_STEP if PROJECTION in memory else layout.STEP
        unused = (layout.EVERY,)
        values, attention, state = self._run(graph, unused, memory, state, origin, tokens, k)
        return values[layout.LOG_PROBS], values[layout.BEST], attention, state

    def distribution(
        self, memory: dict, state: Arrays, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None, Arrays]:
        """Of the whole vocabulary, whatever the shortlist."""
        of_shortlist = (PROJECTION, layout.PLACES)
        memory = {name: leaf for name, leaf in memory.items() if name not in of_shortlist}
        return self._every(layout.STEP, memory, state, origin, tokens)

    def shortlist_distribution(
        self, memory: dict, state: Arrays, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None, Arrays]:
        """As `distribution`, of each sentence's shortlist alone: [rows, places].

        Where it is shorter than others, what follows is impossible.
        """
        return self._every(layout.SHORTLIST_STEP, memory, state, origin, tokens)

    def shortlist_ids(self, memory: dict, places: np.ndarray) -> np.ndarray:
        """The tokens at these places [rows, n] of the rows' shortlists."""
        own = memory[layout.PLACES][:, 0]
        sentences = np.arange(len(places)) // (len(places) // len(own))
        return memory[PROJECTION][layout.IDS][own[sentences[:, None], places]]

    def _every(self, graph, memory, state, origin, tokens):
        """A step without its best tokens."""
        unused = (layout.LOG_PROBS, layout.BEST)
        values, attention, state = self._run(graph, unused, memory, state, origin, tokens, k=1)
        return values[layout.EVERY], attention, state

    def _run(self, graph, unused, memory, state, origin, tokens, k):
        """A step: the outputs but for the unused ones, attention, state, all [rows, ...]."""
        session = self._step(graph)
        # 1. The inputs; inside the graph rows are [sentences, beam].
        arrays = dict(memory)
        projection = arrays.pop(PROJECTION, {})
        k = min(k, memory[layout.PLACES].shape[-1] if projection else self.vocab)
        shape = (len(next(iter(arrays.values()))) if arrays else len(tokens), -1)
        arrays |= {**state, **projection, **self._tables, layout.K: np.array([k], np.int64)}
        arrays[layout.ORIGIN] = origin.reshape(shape)
        arrays[layout.TOKENS] = tokens.reshape(shape)
        # 2. The outputs that are asked for: others would be copied for nothing.
        names = [name for name in self._outputs[graph] if name not in unused]
        outputs = zip(names, session.run(names, arrays), strict=True)
        values = {name: value.reshape(-1, value.shape[-1]) for name, value in outputs}
        # 3. What is new_<name> now is the state of the next step.
        state = {
            name.removeprefix(layout.NEW): value
            for name, value in values.items()
            if name.startswith(layout.NEW)
        }
        return values, values.get(layout.ATTENTION), state


def share_shortlist(engines: Sequence[Engine]) -> None:
    """Each uses the tokens that any of their lexicons suggests; all read the same source tokens."""
    lexicons = [engine.shortlist for engine in engines if engine.shortlist]
    suggested = np.concatenate([lexicon.suggested for lexicon in lexicons], -1)
    frequent = np.concatenate([lexicon.frequent for lexicon in lexicons], -1)
    for lexicon in lexicons:
        lexicon.suggested = suggested
        lexicon.frequent = frequent


class Shortlist:
    """Cuts the part of the projection that a batch needs."""

    def __init__(self, path_of: Callable[[str], Path]):
        with np.load(path_of(layout.PROJECTION)) as arrays:
            # Behind all tokens one that is impossible.
            fill = {layout.BIAS: LOG_ZERO}
            self.arrays = {
                name: np.concatenate([array, np.full_like(array[:1], fill.get(name, 0))])
                for name, array in arrays.items()
            }
        with np.load(path_of(layout.LEXICON)) as arrays:
            # [languages, ...], by the control piece that sources begin with.
            self.suggested = np.atleast_3d(arrays["suggested"].T).T
            self.frequent = np.atleast_2d(arrays["frequent"])
            controls = arrays["controls"].tolist() if "controls" in arrays else []
            self.language = {control: n for n, control in enumerate(controls)}

    def projection(self, source: np.ndarray) -> tuple[Arrays, np.ndarray]:
        """The projection onto all tokens that some sentence may use; `layout.PLACES`.

        source: ids [sentences, source_len].
        """
        # 1. Which tokens each sentence may use. Padding suggests nothing: all have an EOS.
        source = np.where(source == PAD, EOS, source)
        languages = np.array([self.language.get(id, 0) for id in source[:, 0].tolist()], int)
        number = np.arange(len(source))[:, None]
        chosen = np.zeros((len(source), len(self.arrays[layout.BIAS]) - 1), bool)
        chosen[number, self.frequent[languages]] = True
        suggested = self.suggested[languages[:, None], source]
        chosen[number, suggested.reshape(len(source), -1)] = True
        # 2. The projection onto all of them, and onto none.
        ids = np.flatnonzero(chosen.any(0))
        words = np.append(ids, chosen.shape[1])
        cut = {name: array[words] for name, array in self.arrays.items()}
        cut[layout.KERNEL] = np.ascontiguousarray(cut[layout.KERNEL].T)
        # 3. The places of each sentence's tokens in it.
        sizes = np.count_nonzero(chosen, 1)
        places = np.full((len(source), 1, sizes.max(initial=0)), len(ids), np.int32)
        places[:, 0][np.arange(places.shape[-1]) < sizes[:, None]] = np.nonzero(chosen[:, ids])[1]
        return {**cut, layout.IDS: np.append(ids, PAD)}, places
