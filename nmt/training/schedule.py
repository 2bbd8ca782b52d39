"""The learning rate over the steps."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("nmt")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Linear rise to `peak` over `warmup` steps, then `decay`.

    decay: "linear" (to 0 after step `total`), "inverse_sqrt" (peak * sqrt(warmup / step), Vaswani
    et al. 2017) or "none". Steps count from 1 here; Keras passes the updates done so far.
    """

    def __init__(self, peak: float, warmup: int, total: int, decay: str) -> None:
        self.peak = peak
        self.warmup = warmup
        self.total = total
        self.decay = decay

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32") + 1
        rise = step / max(1, self.warmup)
        if self.decay == "linear":
            fall = (self.total + 1 - step) / max(1, self.total + 1 - self.warmup)
        elif self.decay == "inverse_sqrt":
            fall = ops.sqrt(max(1, self.warmup) / step)
        else:
            fall = 1.0
        return self.peak * ops.maximum(0.0, ops.minimum(rise, fall))

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup": self.warmup, "total": self.total, "decay": self.decay}
