"""After each interval the first process of a team validates; the others learn what it found."""

import keras

from nmt.training.history import History
from nmt.training.team import Team


class Leading(keras.callbacks.Callback):
    """Tells the others the history, once this process has validated."""

    def __init__(self, history: History, team: Team) -> None:
        super().__init__()
        self.history = history
        self.team = team

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.team.say(history=self.history.saved())


class Following(keras.callbacks.Callback):
    """Waits for the history of the first process, and stops where that one does."""

    def __init__(self, history: History, team: Team, patience: int) -> None:
        super().__init__()
        self.history = history
        self.team = team
        self.patience = patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.history.restore(self.team.hear(beating=True)["history"])
        if self.patience and self.history.stale >= self.patience:
            self.model.stop_training = True
