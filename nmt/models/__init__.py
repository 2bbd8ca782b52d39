"""The neural networks as `keras.Model`s."""
