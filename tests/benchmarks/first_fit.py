"""A first use: a convolutional net fitted to 64 images. It says when it is done; tables.py measures that."""

from common import IMAGE, images

from tinyae.architectures import conv_autoencoder

model = conv_autoencoder(IMAGE)
model.fit(images(64, IMAGE), epochs=1, batch_size=32, optimizer="nadam", progress=False)
print("fitted", flush=True)
