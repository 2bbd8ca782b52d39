"""The neural networks as `keras.Model`s.

kernels       what only TensorFlow has: matrix products in bfloat16, top-k
time_loop     a loop over positions, whose weights have their gradients behind it
cells         simple RNN, GRU, LSTM: one time step
attention     additive, general, dot: from a decoder state to a context
recurrent     encoder and decoder of cells and attention
transformer   encoder and decoder of attention alone
loss          cross-entropy, projection included
update        how a sequence model is trained: losses, gradients, running means
replicas      sums over the devices that train together
sequence      what every sequence model has: embedding, output layer, the contract
translation   the translation model: encoder and decoder
language      the language model: a decoder without a source
compiled      the contract of a model, traced once
build         the model of a recipe
"""
