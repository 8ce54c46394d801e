"""Settings to keras.Model, and the model directory."""
