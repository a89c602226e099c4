"""The student in C for microcontrollers, by TensorFlow Lite for Microcontrollers (TFLM)."""
