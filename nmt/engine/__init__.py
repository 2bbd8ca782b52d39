"""A trained model as ONNX graphs, and their runtime without Keras."""
