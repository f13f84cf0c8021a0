"""What a run means: image, options, overlay, mounts, kernel and engine joined into one process.

The only package that knows all others. Not responsible for printing or parsing (`cli`).
"""
