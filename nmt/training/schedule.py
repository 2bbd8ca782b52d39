"""The learning rate over the steps."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("nmt")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Linear rise to `peak` over `warmup` steps, then `decay`: linear (to 0 at `total`), inverse_sqrt, none."""

    def __init__(self, peak, warmup, total, decay):
        self.peak = peak
        self.warmup = warmup
        self.total = total
        self.decay = decay

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1
        rise = step / max(1, self.warmup)
        if self.decay == "linear":
            fall = (self.total + 1 - step) / max(1, self.total + 1 - self.warmup)
        elif self.decay == "inverse_sqrt":
            fall = ops.sqrt(max(1, self.warmup) / step)
        else:
            fall = 1.0
        return self.peak * ops.maximum(0.0, ops.minimum(rise, fall))

    def get_config(self):
        return {"peak": self.peak, "warmup": self.warmup, "total": self.total, "decay": self.decay}
