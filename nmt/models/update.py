"""How a sequence model is trained: the loss of a batch, one update, running means a token."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from nmt.machine import detect_precision
from nmt.models import kernels, replicas
from nmt.models.kernels import Tensor

Losses = tuple[Tensor, Tensor, Tensor]  # of a batch; see `losses_of`

# Most dropout masks that one part of a training step draws. Each has a seed of its own, counted
# from `first_noise`; only models of eight layers share one with the next step.
MASKS_RECURRENT = 64
MASKS_OTHERS = 128  # a transformer draws several a layer


class TrainableModel(keras.Model):
    """A `keras.Model` with its loss inside: `compile` and `fit` need no loss function.

    A subclass defines `losses_of` and sets `options` (a `ModelOptions`).
    """

    splits_batches = True  # whether the rows of a batch do not depend on each other

    def __init__(self, seed: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.noise = keras.random.SeedGenerator(seed)  # of dropout masks
        self.precision = "float32"
        self.parts = 1
        self.label_smoothing = 0.0
        self.train_function: Any = None  # Keras's
        self.reports_losses = True  # whether the next step does, which waits for a GPU
        self.asked_to_stop: tf.Variable | None = None  # 1 if this process wants all to stop
        self.totals: list[keras.metrics.Metric] = []

    def losses_of(self, source: Any, target: Any, training: bool) -> Losses:
        """Of a batch: summed loss, summed negative log-likelihood (nats), target tokens.

        source, target: the two matrices of ids of a batch. EOS counts as a token, BOS and padding
        do not.
        """
        raise NotImplementedError

    def compile(
        self,
        optimizer: Any,
        label_smoothing: float = 0.0,
        precision: str = "float32",
        parts: int = 1,
        **kwargs: Any,
    ) -> None:
        """As Keras's.

        precision: of matrix products, "float32", "bfloat16", or "auto" for the faster one.
        parts: parts of a replica's batch that are computed at the same time.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.label_smoothing = label_smoothing
        self.parts = parts if self.splits_batches else 1
        self.precision = detect_precision() if precision == "auto" else precision
        # Tokens in float64: float32 counts to 16.7 million, which a long interval exceeds.
        dtypes = {"loss": "float32", "likelihood": "float32", "target_tokens": "float64"}
        self.totals = [replicas.Sum(name=name, dtype=dtype) for name, dtype in dtypes.items()]

    def make_train_function(self, force: bool = False) -> None:
        """As Keras's, which on several devices would average what they tell, over machines too."""
        if self.train_function is not None and not force:
            return
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            super().make_train_function(force)
            update = self.train_function
        else:

            @tf.function(reduce_retracing=True, autograph=False)
            def update(iterator: Any) -> dict[str, Tensor]:
                logs = strategy.run(self.train_step, args=(next(iterator),))
                # All replicas tell the same.
                return {
                    name: strategy.experimental_local_results(value)[0]
                    for name, value in logs.items()
                }

        def step(iterator: Any) -> dict[str, Tensor]:
            logs = update(iterator)
            return logs if self.reports_losses else {}

        self.train_function = step

    def ask_to_stop(self) -> None:
        """Lets all processes know, with the next step, that this one stops after it."""
        if self.asked_to_stop is not None:
            self.asked_to_stop.assign(1.0)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Everything is built; Keras would average the first batches of the replicas."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """One update from a batch, by the gradient of the mean loss a token.

        data: on several devices, the replica's part of the batch.
        """
        gradients, losses = self.gradients(data)
        wishes = {}
        if self.asked_to_stop is not None:
            wishes["asked_to_stop"] = self.asked_to_stop.read_value()
        totals = replicas.total([*gradients, *wishes.values()])
        self.optimizer.apply(totals[: len(gradients)], self.trainable_variables)
        summed_wishes = zip(wishes, totals[len(gradients) :], strict=True)
        return {**self.running_means(*losses), **dict(summed_wishes)}

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """The losses of a batch, without dropout."""
        source, target = data
        return self.running_means(*self.losses_of(source, target, training=False))

    def gradients(self, data: Any) -> tuple[list[Tensor], Losses]:
        """Dense gradients of the mean loss a token; the losses of the batch, as of `losses_of`.

        On several devices the mean and the losses are those of all replicas, the gradients this
        replica's summand.
        """
        # Dropout masks are a function of (seed, step), so that a resumed run draws the same ones.
        seed = replicas.seed(self.seed)
        self.noise.state.assign(tf.stack([seed, self.first_noise()]))
        variables = [v.value for v in self.trainable_variables]
        source, target = data
        with kernels.precision(self.precision), tf.GradientTape() as tape:
            # The parts do not depend on each other: TensorFlow computes them at the same time.
            parts = [
                self.losses_of(source[n :: self.parts], target[n :: self.parts], training=True)
                for n in range(self.parts)
            ]
            own = [tf.add_n(each) for each in zip(*parts, strict=True)]
            loss, likelihood, tokens = replicas.total_numbers(own)
            mean_loss = own[0] / tf.stop_gradient(tokens)
        # Those of embeddings are sparse, with a row a token. Keras's optimizers would square the
        # rows before they sum repeated ones, so all become dense here.
        gradients = [*map(tf.convert_to_tensor, tape.gradient(mean_loss, variables))]
        return gradients, (loss, likelihood, tokens)

    def first_noise(self) -> Tensor:
        """The number of the first dropout mask of this step."""
        recurrent = self.options.architecture == "recurrent"
        masks_per_step = MASKS_RECURRENT if recurrent else MASKS_OTHERS
        return tf.cast(self.optimizer.iterations, tf.uint32) * masks_per_step

    def running_means(self, loss: Tensor, likelihood: Tensor, tokens: Tensor) -> dict[str, Tensor]:
        """Means a token over all batches since `reset_metrics`."""
        # Add the batch to the sums.
        for metric, value in zip(self.totals, (loss, likelihood, tokens), strict=True):
            metric.update_state(value)
        loss, likelihood, tokens = (metric.result() for metric in self.totals)
        # The perplexity is that of the labels as they are, the loss is smoothed.
        divisor = ops.cast(tokens, "float32")
        return {
            "loss": loss / divisor,
            "perplexity": ops.exp(likelihood / divisor),
            "target_tokens": tokens,
        }

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What Keras resets between epochs."""
        return list(getattr(self, "totals", []))
