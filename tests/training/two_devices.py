"""A program: trains on two devices, then on one that computes their parts in turn; test_devices.py.

Prints by how much they differ, as JSON. It is a process of its own, since the devices of TensorFlow
are made before its first operation.
"""

import json

from nmt.machine import silence

with silence():
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    tf.config.threading.set_inter_op_parallelism_threads(1)

import keras
import numpy as np

from nmt.models import replicas
from nmt.models.build import build
from nmt.recipe import ModelOptions, Recipe, TrainOptions
from nmt.training import devices
from nmt.training.cluster import ALONE
from nmt.training.pipeline import compiled, endless
from nmt.training.team import Team
from tests.small_models import SMALL, VOCAB, sentences

STEPS = 6
NORM = 0.01  # below that of every gradient
PLAIN = {"cell": "rnn", "attention": "none", "bidirectional": False}  # soon traced
RECIPE = Recipe(
    model=ModelOptions(**{**SMALL, **PLAIN, "dropout": 0.3, "recurrent_dropout": 0.2}),
    train=TrainOptions(precision="float32", clip_norm=NORM, warmup_steps=1, threads=1),
)


def batches():
    """Endless: a batch of several sentences, then one sentence, so that a part is without rows."""
    source, target = sentences()
    while True:
        yield source, target
        yield source[:1], target[:1]


def model(strategy):
    """The model, with the same weights each time."""
    with devices.scope(strategy):
        return compiled(build(RECIPE, VOCAB, VOCAB), RECIPE, STEPS)


def trained_on_two():
    """Weights, and the losses that each step told."""
    losses = []
    ours = model(devices.strategy(RECIPE, Team(ALONE)))
    assert ours.distribute_strategy.num_replicas_in_sync == 2
    ours.fit(
        endless(batches, ours.distribute_strategy),
        steps_per_epoch=STEPS,
        verbose=0,
        shuffle=False,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda _, logs: losses.append(
                    [logs["loss"], logs["target_tokens"]]
                )
            )
        ],
    )
    return [np.array(variable) for variable in ours.trainable_variables], losses


def trained_on_one():
    """The same, and the norms of the gradients."""
    ours = model(None)
    sums, losses, norms = np.zeros(3), [], []
    for _, batch in zip(range(STEPS), batches(), strict=False):
        parts = []
        for number in range(2):
            ours.seed = RECIPE.train.seed + number * replicas.SEED_STRIDE
            own, measured = ours.gradients([ids[number::2] for ids in batch])
            # Without rows there is no mean a token.
            if measured[2]:
                parts.append([gradient * measured[2] for gradient in own])
                sums += np.array(measured)
        tokens = float(np.count_nonzero(batch[1][:, 1:]))
        gradients = [tf.add_n(each) / tokens for each in zip(*parts, strict=True)]
        norms.append(float(tf.linalg.global_norm(gradients)))
        ours.optimizer.apply(gradients, ours.trainable_variables)
        losses.append([sums[0] / sums[2], sums[2]])
    return [np.array(variable) for variable in ours.trainable_variables], losses, norms


weights, losses = trained_on_two()
expected, expected_losses, norms = trained_on_one()
print(
    json.dumps(
        {
            "weights": max(
                float(np.abs(own - other).max())
                for own, other in zip(weights, expected, strict=True)
            ),
            "moved": max(float(np.abs(own).max()) for own in weights),
            "losses": np.abs(np.array(losses) - expected_losses).max(0).tolist(),
            "smallest norm": min(norms) / NORM,
        }
    )
)
