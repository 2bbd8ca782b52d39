"""After each interval the first process of a team validates; the others learn what it found."""

import keras

from nmt.training.checkpoint import ResumeState


class Leading(keras.callbacks.Callback):
    """Tells the others the history, once this process has validated, and the signal that it got."""

    def __init__(self, state: ResumeState) -> None:
        super().__init__()
        self.state = state

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        state = self.state
        number = state.signal  # one that comes later counts in the next interval
        if number is not None:
            state.stopping = True
        state.team.say(history=state.history.saved(), signal=number)


class Following(keras.callbacks.Callback):
    """Waits for the history of the first process, and stops where that one does."""

    def __init__(self, state: ResumeState, patience: int) -> None:
        super().__init__()
        self.state = state
        self.patience = patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        state = self.state
        word = state.team.hear(beating=True)
        state.history.restore(word["history"])
        if word["signal"] is not None:
            state.stopping = True
            state.signal = state.signal or word["signal"]
        if self.patience and state.history.stale >= self.patience:
            self.model.stop_training = True
