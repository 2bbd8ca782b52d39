"""Gradients looked at: how they vanish over the steps of a recurrence, and the norms that a training meets."""

import itertools

import tensorflow as tf


def gradient_norms(model, source, target):
    """Norms of the gradient of the last loss term with respect to the decoder's state t steps before: [rows, n].

    target: [rows, n + 1], BOS first, no padding. Column t belongs to the state that enters step n - t of n, all its
    parts together (h; c of an LSTM; the context, with attention). The loss is the negative log-likelihood of
    target[:, n]; a state reaches it through the later ones only, so that the norms tell what learning over a
    distance of t has to live on (Bengio et al. 1994; Pascanu et al. 2013).
    """
    memory, state = model.encode(source)
    states = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for n in range(target.shape[1] - 1):
            state = {
                name: tf.identity(part) for name, part in state.items()
            }  # apart from how it came about
            tape.watch(state)
            states.append(state)
            hidden, _, state = model.step(memory, state, target[:, n : n + 1])
        logits = model.project(hidden[:, 0])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(target[:, -1], logits)
    gradients = tape.gradient(loss, states[::-1], unconnected_gradients="zero")
    squares = [sum(tf.reduce_sum(part**2, 1) for part in state.values()) for state in gradients]
    return tf.sqrt(tf.stack(squares, 1)).numpy()


def training_norms(model, batches, steps):
    """(loss a token, norm of the gradient before clipping) of so many updates of a compiled model.

    batches: yields (source, target).
    """
    ids = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids, ids])
    def update(source, target):
        gradients, (loss, _, tokens) = model.gradients((source, target))
        model.optimizer.apply(gradients, model.trainable_variables)
        return loss / tokens, tf.linalg.global_norm(gradients)

    return [
        tuple(float(value) for value in update(*batch))
        for batch in itertools.islice(batches, steps)
    ]
