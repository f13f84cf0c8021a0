"""Run guest instructions until something needs the kernel; one protocol, several back ends."""
