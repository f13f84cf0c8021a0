"""From an ELF file to a process image: segments, initial stack, auxiliary vector, vDSO."""
