"""Beam search over `encode`, `take` and `advance` of the contract; NumPy alone.

A sentence has `beam` places. Each step extends its live hypotheses, and the best candidates take
the places that finished hypotheses have left; a candidate that ends in EOS is finished and keeps
its place (Bahdanau et al. 2015). The ranking score is log-probability / length ** penalty, EOS
counted (Wu et al. 2016, section 7, simplified).

When the search of a sentence stops: log-probabilities only fall, so its best live hypothesis, with
log-probability p, can reach p / limit ** penalty at most. Once `nbest` complete hypotheses are at
least that good, nothing better can come. It also stops when its places are used up, and at `limit`
tokens, where live hypotheses are cut; those rank last. What is wanted in a sentence adds to the
scores (`bonus.py`); then the best live hypothesis may still get all that it has not got.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmt.decoding.bonus import Bonus
from nmt.decoding.characters import FORBIDDEN, Characters
from nmt.decoding.contract import LOG_ZERO, Contract, Hypothesis, Sources, best_tokens
from nmt.decoding.prefix import Prefix, Prefixes
from nmt.errors import Failure
from nmt.text.vocabulary import BOS, EOS

FEWEST = 2  # places after the first step, unless the beam is 1
WORST = -1e15  # a score below that of any hypothesis, and above that of an empty place
# Sentences leave the batch when at most this share of it is searched on: memory is copied then.
TAKE_SHARE = 0.75
# Arrays of `_Beams` with a row for each sentence that is still searched.
ROWS = (
    *("active", "limits", "divisor", "places_used", "score_to_beat"),
    *("live", "parents", "tokens", "spelling", "wanted", "prefix_left"),
)


def beam_search(
    model: Contract,
    source: np.ndarray | Sources,
    beam: int = 5,
    penalty: float = 1.0,
    limits: Sequence[int] | np.ndarray | None = None,
    nbest: int = 1,
    want_attention: bool = False,
    characters: Characters | None = None,
    bonus: Bonus | None = None,
    prefixes: Sequence[Prefix] | None = None,
) -> list[list[Hypothesis]]:
    """Translates sentences; returns for each up to `nbest` hypotheses, best first.

    source: ids [sentences, source_len]; limits: for each sentence the most tokens of its output,
    EOS counted, where hypotheses are cut. characters: which tokens may follow each other (default:
    any). bonus: what is wanted in each sentence; it is in the order of the hypotheses, not in their
    scores. prefixes: what each output begins with.
    Raises Failure where the model's scores are no numbers.
    """
    memory, state = model.encode(source)
    if limits is None:
        limits = np.full(len(source), 2 * source.shape[1] + 10)
    beams = _Beams(np.asarray(limits), beam, penalty, min(nbest, beam), bonus)
    if prefixes:
        beams.begin_with(Prefixes(prefixes))
    while len(beams.active):
        # 1. Extend every live hypothesis by its best tokens.
        log_probs, ids, attention, state, after = _advance(model, memory, state, beams, characters)
        # 2. Keep the best candidates of each sentence, with what their rows looked at.
        looks = want_attention and attention is not None
        attention = np.asarray(attention)[:, : source.shape[1]] if looks else None
        beams.extend(log_probs, ids, attention, after)
        # 3. Move what ended out of the live hypotheses.
        beams.finish_ended()
        # 4. Drop sentences in which nothing better can come.
        remaining = beams.close_sentences()
        if remaining is not None:
            memory = model.take(memory, remaining)
    if not all(beams.ended):
        raise Failure("the model's scores are no numbers (NaN): its weights are damaged")
    # Hypotheses that were cut rank behind those that are complete.
    for hypotheses in beams.ended:
        hypotheses.sort(key=lambda ended: (not ended.complete, -ended.score))
    return [[beams.traced(each) for each in hypotheses[:nbest]] for hypotheses in beams.ended]


def _advance(model, memory, state, beams, characters):
    """A step of the model with the best tokens that may follow, and what its rows are then.

    The last is a dictionary of what `_Beams` keeps of each hypothesis beside its score.
    """
    rows = memory, state, beams.parents.ravel(), beams.tokens.ravel()
    if not beams.bonus and not beams.prefixes:
        return _advance_among_best(model, rows, beams, characters)
    beginning = beams.rows_in_prefix()
    if beams.bonus or beginning.all():
        return _advance_among_all(model, rows, beams, characters)
    steps = _advance_among_best(model, rows, beams, characters)
    if not beginning.any():
        return steps
    # Sentences that have begun, or begin with anything, are searched as they are alone.
    log_probs, ids, attention, state, _ = steps
    constrained = _advance_among_all(model, rows, beams, characters)
    # Of a shortlist there may be fewer.
    columns = slice(ids.shape[1])
    log_probs = np.where(beginning[:, None], constrained[0][:, columns], log_probs)
    ids = np.where(beginning[:, None], constrained[1][:, columns], ids)
    after = {name: states[:, columns] for name, states in constrained[4].items()}
    if characters:
        after["spelling"] = characters.after(beams.spelling.ravel(), ids)
    return log_probs, ids, attention, state, after


def _advance_among_best(model, rows, beams, characters):
    """As `_advance`, for sentences of which nothing is known: most need no other tokens."""
    log_probs, ids, attention, state = model.advance(*rows, beams.beam)
    log_probs = np.asarray(log_probs)
    ids = np.asarray(ids)
    if characters is None:
        return log_probs, ids, attention, state, {}
    former = beams.spelling.ravel()
    spelling = characters.after(former, ids)
    if spelling.min(initial=0) == FORBIDDEN:
        # Where one of the best may not follow, the best that may are sought among all tokens.
        forbidden = (spelling == FORBIDDEN).any(1)
        sought = np.flatnonzero(forbidden & (beams.live.ravel() > LOG_ZERO / 2))
        if len(sought):
            every, _, _ = model.distribution(*rows)
            every = np.asarray(every)[sought]
            # A shortlist shares out all probability among fewer tokens; so do these rows, then.
            best = np.take_along_axis(every, ids[sought, :1], 1)
            every = np.minimum(every + (log_probs[sought, :1] - best), 0)
            masked = np.where(characters.allowed(former[sought]), every, LOG_ZERO)
            log_probs = log_probs.copy()
            ids = ids.copy()
            log_probs[sought], ids[sought] = best_tokens(masked, ids.shape[1])
            spelling[sought] = characters.after(former[sought], ids[sought])
    return log_probs, ids, attention, state, {"spelling": spelling}


def _advance_among_all(model, rows, beams, characters):
    """As `_advance`, among all tokens: what is wanted, or must be, may be improbable."""
    every, attention, state = model.distribution(*rows)
    scores = np.array(every, float if beams.bonus else None)
    after = {}
    sentences = beams.active.repeat(beams.live.shape[1])
    if characters:
        spelling = beams.spelling.ravel()
        scores[~characters.allowed(spelling)] = LOG_ZERO
    if beams.bonus:
        wanted = beams.wanted.ravel()
        beams.bonus.add(scores, sentences, wanted)
    if beams.prefixes:
        left = beams.prefix_left.ravel()
        best, ids = beams.prefixes.best(scores, sentences, left, beams.beam)
    else:
        best, ids = best_tokens(scores, beams.beam)
    if characters:
        after["spelling"] = characters.after(spelling, ids)
    if beams.bonus:
        after["wanted"] = beams.bonus.after(sentences, wanted, ids)
    if beams.prefixes:
        after["prefix_left"] = beams.prefixes.after(sentences, left, ids)
    return best, ids, attention, state, after


class _Ended(NamedTuple):
    """A hypothesis that has ended: its last step, the row that it went on from, the last token."""

    score: float
    log_prob: float
    complete: bool
    step: int
    row: int
    token: int


class _Beams:
    """The hypotheses of a batch of sentences: live ones, and ended ones (complete, or cut).

    Arrays in ROWS are [active] or [active, places].
    """

    def __init__(
        self, limits: np.ndarray, beam: int, penalty: float, nbest: int, bonus: Bonus | None
    ):
        sentences = len(limits)
        self.bonus = bonus
        self.beam = beam
        self.penalty = penalty
        self.nbest = nbest
        self.shortest = int(limits.min()) if sentences else 0
        self.ended: list[list[_Ended]] = [[] for _ in range(sentences)]
        # Of each step: the parents, tokens and log-probabilities of its rows, and the attention of
        # its parents' rows.
        self.history: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]] = []

        # A row for each sentence that is still searched.
        self.active = np.arange(sentences)  # index of each sentence in `ended`
        self.limits = limits
        self.divisor = limits.astype(float) ** penalty  # of the longest possible hypothesis
        self.places_used = np.zeros(sentences, int)
        self.score_to_beat = np.full(sentences, WORST)  # of the n-th best complete hypothesis

        # And a column for each place, one before the first step.
        self.places = beam  # the most that any sentence has left
        self.blocked: np.ndarray | None = None  # places that a sentence has left no more
        # Log-probabilities with what is wanted; LOG_ZERO in empty places.
        self.live = np.zeros((sentences, 1))
        self.parents = np.arange(sentences, dtype=np.int32)
        self.tokens = np.full(sentences, BOS, np.int32)
        self.spelling = np.zeros((sentences, 1), np.int8)  # states of `Characters`
        self.wanted = np.zeros((sentences, 1), int)  # states of `Bonus`
        self.prefix_left = np.zeros((sentences, 1), int)  # states of `Prefixes`
        self.prefixes: Prefixes | None = None

    def begin_with(self, prefixes: Prefixes) -> None:
        """Makes every output begin with its prefix."""
        self.prefixes = prefixes
        self.prefix_left = prefixes.starts[:, None]

    def rows_in_prefix(self) -> np.ndarray:
        """Whether each row has to write more of its prefix: [active * places].

        Rows without a hypothesis count as such, so that all may. Once none has to, `prefixes` goes.
        """
        if self.prefixes is None:
            return np.zeros(1, bool)
        is_live = self.live > LOG_ZERO / 2
        writing = ((self.prefix_left > 0) & is_live).ravel()
        if not writing.any():
            self.prefixes = None
            return writing
        return writing | ~is_live.ravel()

    def extend(
        self,
        log_probs: np.ndarray,
        ids: np.ndarray,
        attention: np.ndarray | None,
        after: dict[str, np.ndarray],
    ) -> None:
        """Fills the places with the best candidates.

        log_probs, ids, and in `after` the states after the ids: [active * places, k].
        """
        k = log_probs.shape[1]
        # Candidates of a sentence are adjacent: [active, places * k].
        candidates = (self.live.reshape(-1, 1) + log_probs).reshape(len(self.active), -1)
        best = (-candidates).argsort(1, kind="stable")[:, : self.places]
        best += np.arange(0, candidates.size, candidates.shape[1])[:, None]
        self.live = candidates.take(best)
        if self.blocked is not None:
            self.live[self.blocked[:, : self.live.shape[1]]] = LOG_ZERO
        self.tokens = ids.take(best).astype(np.int32)
        self.parents = (best // k).astype(np.int32)
        for name, states in after.items():
            setattr(self, name, states.take(best))
        self._record(attention)

    def _record(self, attention):
        # Rows that end are emptied later on, which is no loss: nothing goes on from them.
        log_probs = self.live
        if self.bonus:
            log_probs = log_probs - self.bonus.totals(self.active, self.wanted)
        rows = self.parents.ravel(), self.tokens.ravel(), log_probs.ravel()
        self.history.append((*rows, attention))

    def finish_ended(self) -> None:
        """Empties the places of hypotheses that end in EOS or reach their limit."""
        step = len(self.history)
        ended = self.tokens == EOS
        if step >= self.shortest:
            ended |= (step >= self.limits)[:, None]
        if not ended.any():
            return
        gained = self.bonus.totals(self.active, self.wanted) if self.bonus else None
        # Empty places may end, too: they hold no hypothesis.
        rows, places = np.nonzero(ended & (self.live > LOG_ZERO / 2))
        arrays = self.live, self.tokens, self.parents
        columns = (array[rows, places].tolist() for array in arrays)
        numbers = rows.tolist(), places.tolist()
        for row, place, log_prob, token, parent in zip(*numbers, *columns, strict=True):
            hypotheses = self.ended[self.active[row]]
            score = log_prob / step**self.penalty
            if gained is not None:
                log_prob -= float(gained[row, place])
            hypotheses.append(_Ended(score, log_prob, token == EOS, step, parent, token))
            self.places_used[row] += 1
            complete = sorted((each.score for each in hypotheses if each.complete), reverse=True)
            if len(complete) >= self.nbest:
                self.score_to_beat[row] = complete[self.nbest - 1]
        self.live[ended] = LOG_ZERO
        self._share_places()

    def close_sentences(self) -> np.ndarray | None:
        """Ends searches; returns the rows of the others if only these stay, else None."""
        # Nothing has ended yet.
        if self.blocked is None:
            return None
        # A sentence stays open while a live hypothesis may still beat its n-th best.
        still_open = self._reach() > self.score_to_beat
        remaining = np.flatnonzero(still_open).astype(np.int32)
        if len(remaining) == len(self.active):
            return None
        self.live[~still_open] = LOG_ZERO
        if len(remaining) > TAKE_SHARE * len(self.active):
            return None
        # Where many have ended, the batch shrinks.
        for name in ROWS:
            setattr(self, name, getattr(self, name)[remaining])
        # The last record keeps the rows of open sentences only: the next step's parents are indices
        # into it.
        self._record(self.history.pop()[3])
        self._share_places()
        return remaining

    def _share_places(self):
        """The batch is as wide as its widest sentence; the others leave their last places empty."""
        # It has no single place: models compute one row of a sentence in another way than several,
        # and the last bits of a sentence would depend on its neighbours.
        widest = self.beam - self.places_used.min(initial=self.beam)
        self.places = max(widest, min(self.beam, FEWEST))
        self.blocked = np.arange(self.places) >= self.beam - self.places_used[:, None]

    def _reach(self):
        """The best score that a live hypothesis of each sentence can come to."""
        if self.bonus is None:
            return self.live.max(1) / self.divisor
        missing = self.bonus.most(self.active)[:, None] - self.bonus.totals(
            self.active, self.wanted
        )
        best = (self.live + missing).max(1)
        # What is above zero is best where it is divided by least.
        return np.where(best > 0, best, best / self.divisor)

    def traced(self, ended: _Ended) -> Hypothesis:
        """A hypothesis that has ended, with its tokens, their probabilities and attention."""
        ids = [] if ended.complete else [ended.token]
        sums = [ended.log_prob]
        row = ended.row
        attention = self.history[ended.step - 1][3]
        attentions = [] if attention is None else [attention[row]]
        # From the last token but one back to the first.
        for parents, tokens, log_probs, attention in reversed(self.history[: ended.step - 1]):
            ids.append(int(tokens[row]))
            sums.append(float(log_probs[row]))
            row = parents[row]
            if attention is not None:
                attentions.append(attention[row])
        return Hypothesis(
            ids[::-1],
            ended.log_prob,
            ended.log_prob / ended.step**self.penalty,
            ended.complete,
            np.stack(attentions[::-1]) if attentions else None,
            [after - before for before, after in itertools.pairwise([0.0, *sums[::-1]])],
        )
