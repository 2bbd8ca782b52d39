"""Adam and AdamW of Keras whose update of a weight is one operation of TensorFlow.

Keras's own update is ten operations over arrays of the size of the weight, which wait for memory.
Mathematics and variables are Keras's, so that states of both are read by both.
"""

from typing import Any

import keras
import tensorflow as tf

from nmt.models import replicas


class _FusedUpdate:
    """Overrides the update of `keras.optimizers.Adam` (Kingma & Ba 2015, section 2).

    The gradients of several replicas are summed already. Keras would sum them only after it has
    clipped those of each replica by their own norm.
    """

    def _all_reduce_sum_gradients(self: Any, grads_and_vars: Any) -> Any:
        if replicas.count() > 1:
            return grads_and_vars
        return keras.optimizers.Adam._all_reduce_sum_gradients(self, grads_and_vars)

    def _clip_gradients(self: Any, grads: Any) -> Any:
        # Keras squares each gradient into an array of its own.
        if self.global_clipnorm:
            return tf.clip_by_global_norm(grads, self.global_clipnorm)[0]
        return keras.optimizers.Adam._clip_gradients(self, grads)

    def update_step(self: Any, gradient: tf.Tensor, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.cast(self.beta_1, variable.dtype) ** step,
            beta2_power=tf.cast(self.beta_2, variable.dtype) ** step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class Adam(_FusedUpdate, keras.optimizers.Adam):
    """`keras.optimizers.Adam`."""


class AdamW(_FusedUpdate, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`."""
